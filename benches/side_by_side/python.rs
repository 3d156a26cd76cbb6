//! Runs the measurements in Python: `client.py`, in the environment that `make bench` prepares.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs a task of `client.py`, which prints its results as JSON.
pub fn run(args: &[&str]) -> Result<Value, String> {
    run_script("client.py", args)
}

/// Like [`run`], for another script.
pub fn run_script(script: &str, args: &[&str]) -> Result<Value, String> {
    let python =
        std::env::var("BENCH_PYTHON").map_err(|_| "BENCH_PYTHON is not set; use make bench")?;
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/side_by_side");
    let script = scripts.join(script);
    let output = Command::new(python)
        .arg(script)
        .args(args)
        .output()
        .map_err(|e| e.to_string())?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!(
            "Python: {}",
            errors.lines().last().unwrap_or("failed")
        ));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|e| format!("cannot read the results of Python: {e}"))
}

/// The versions of Python and of the measured packages.
pub fn versions() -> String {
    run(&["versions"]).map_or_else(
        |why| why,
        |results| results["versions"].as_str().unwrap_or_default().to_string(),
    )
}

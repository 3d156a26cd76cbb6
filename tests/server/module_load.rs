//! Loading the module again after a load that the server undid.

use crate::samples::*;
use crate::support::*;

/// MODULE LOADEX with a setting that does not exist: the module loads, and the server unloads it by force.
#[test]
fn a_misspelt_loadex_leaves_nothing_behind() {
    let server = Server::plain(&["--enable-module-command", "yes"]);
    let mut con = server.conn();
    // Valkey writes the reason through a null pointer if the module has a data type (valkey-io/valkey#4630).
    if info(&mut con, "server").contains_key("valkey_version") {
        println!("skipped: this command crashes Valkey");
        return;
    }
    let module = module_path().display().to_string();
    for _ in 0..3 {
        try_cmd!(con, "MODULE", "LOADEX", &module, "CONFIG", "conv.nope", "1")
            .expect_err("an unknown setting");
    }
    // No background thread of those loads runs into code that is gone.
    std::thread::sleep(std::time::Duration::from_millis(600));
    // Redis 7.0 does not unload a module that has a data type: there it is loaded since the first attempt.
    let was_kept = format!("{:?}", cmd!(con, "MODULE", "LIST")).contains("conv");
    let loaded = try_cmd!(con, "MODULE", "LOAD", &module);
    assert_eq!(loaded.is_err(), was_kept, "{loaded:?}");
    assert_eq!(append(&mut con, "k", &[says("user", "hello")]), 1);
    assert_eq!(items(&cmd!(con, "CONV.RECENT", "k", 100)).len(), 1);
    // Servers before 7.2 have no categories for modules.
    if let Ok(commands) = try_cmd!(con, "ACL", "CAT", "conv") {
        assert_eq!(items(&commands).len(), conv::commands::spec::COMMANDS.len());
    }
}

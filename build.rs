//! Links the module so that its code stays mapped for as long as the server runs.
//!
//! Redis unloads a module by force if its `MODULE LOADEX` names a setting that does not exist. A background thread
//! that runs at that moment, or ends later, must still find its code.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}

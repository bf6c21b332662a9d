//! Release builds abort instead of unwinding (Cargo.toml), so the tables for unwinding, which the standard library brings
//! along, are six hundred kilobytes that nobody reads. The linker leaves them out, where it takes a script.

use std::path::PathBuf;
use std::{env, fs};

/// Added to the linker's own script, which stays in force. The start files of a static program name their own tables.
const WITHOUT_TABLES: &str = "SECTIONS { /DISCARD/ : { *(EXCLUDE_FILE(*crt*.o) .eh_frame) *(.eh_frame_hdr) *(.gcc_except_table .gcc_except_table.*) } }\nINSERT AFTER .text;\n";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let Some(out) = env::var_os("OUT_DIR").map(PathBuf::from) else {
        return;
    };
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        let script = out.join("without-unwind-tables.ld");
        if fs::write(&script, WITHOUT_TABLES).is_ok() {
            println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
        }
    }
}

//! Builds again when a migration is added: the macro that embeds them cannot see a new file by itself.
//!
//! Links `st2` for a fixed address. It holds the tables of all time zones, full of pointers, and a
//! command that lives for a millisecond should not spend half of it on relocating them.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-link-arg-bin=st2=-no-pie");
    }
}

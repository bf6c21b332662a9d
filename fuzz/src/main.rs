//! One program for all readers, so that it is linked once. Which one runs is said by the variable READER.
#![no_main]

mod files;
mod readers;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

static READER: OnceLock<fn(&[u8])> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let reader = READER.get_or_init(|| {
        let name = std::env::var("READER").unwrap_or_default();
        readers::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, reader)| *reader)
            .unwrap_or_else(|| {
                let names: Vec<&str> = readers::ALL.iter().map(|(name, _)| *name).collect();
                panic!("READER is to be one of: {}", names.join(", "))
            })
    });
    reader(data);
});

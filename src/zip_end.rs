//! The end of a zip, read before the zip is opened: the reader of zips searches the whole file for what the end does not name
//! rightly, and sets memory aside for each thing that might be it.

use std::io::{self, Read, Seek, SeekFrom};

use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

/// The most entries. The most known in an artifact are 64.
const MOST_ENTRIES: u64 = 65_535;
/// The most bytes of the directory at the end, which is kept in memory with all names.
const LARGEST_DIRECTORY: u64 = 16 << 20;

const END: Signature = *b"PK\x05\x06";
const LOCATOR: Signature = *b"PK\x06\x07";
const LARGE_END: Signature = *b"PK\x06\x06";
const HEADER: Signature = *b"PK\x01\x02";

const END_LENGTH: usize = 22;
const LOCATOR_LENGTH: usize = 20;
const LARGE_END_LENGTH: usize = 56;
/// An entry of the directory has no fewer bytes.
const HEADER_LENGTH: u64 = 46;
/// How far from the end of the file the last record can lie: it ends with a comment.
const TAIL: u64 = (END_LENGTH + LOCATOR_LENGTH) as u64 + (1 << 16);

type Signature = [u8; 4];

/// Opens a zip whose end is what it must be. The error is a reason for people.
pub(crate) fn open<R: Read + Seek>(mut reader: R) -> Result<ZipArchive<R>, String> {
    let end = End::of(&mut reader)?;
    end.guard(&mut reader)?;
    // nothing is searched for: the zip begins where the file does
    let config = Config {
        archive_offset: ArchiveOffset::Known(0),
    };
    ZipArchive::with_config(config, reader).map_err(|error| no_zip(&error.to_string()))
}

fn no_zip(why: &str) -> String {
    format!("it is broken, or no zip at all ({why})")
}

fn unread(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => no_zip("its end names what is not there"),
        _ => format!("it cannot be read: {error}"),
    }
}

/// What the end of a zip says of its directory.
#[derive(Debug, PartialEq, Eq)]
struct End {
    entries: u64,
    size: u64,
    start: u64,
    /// Where the directory ends: there the record begins that says all this.
    until: u64,
    is_split: bool,
}

impl End {
    /// Reads the last record of a file, and the larger one that it may point to.
    fn of(reader: &mut (impl Read + Seek)) -> Result<Self, String> {
        let length = reader
            .seek(SeekFrom::End(0))
            .map_err(|error| unread(&error))?;
        let tail_start = length.saturating_sub(TAIL);
        let tail = bytes_at(reader, tail_start, length - tail_start)?;
        let found = tail.windows(END.len()).rposition(|window| window == END);
        let place = found.ok_or_else(|| no_zip("it has no end record"))?;
        let record = tail
            .get(place..place + END_LENGTH)
            .ok_or_else(|| no_zip("it is cut off in its end record"))?;
        let end = Self::of_record(record, tail_start + place as u64);
        let comment = place + END_LENGTH + usize::from(u16_at(record, 20));
        if comment > tail.len() {
            return Err(no_zip("it is cut off in its comment"));
        }
        match place.checked_sub(LOCATOR_LENGTH).map(|at| &tail[at..place]) {
            Some(locator) if end.may_be_large() && locator.starts_with(&LOCATOR) => {
                Self::of_large(reader, locator, end.until - LOCATOR_LENGTH as u64)
            }
            _ => Ok(end),
        }
    }

    fn of_record(record: &[u8], end: u64) -> Self {
        let entries = u16_at(record, 10);
        Self {
            entries: entries.into(),
            size: u32_at(record, 12).into(),
            start: u32_at(record, 16).into(),
            until: end,
            is_split: record[4..8] != [0; 4] || u16_at(record, 8) != entries,
        }
    }

    /// Whether a number is the one that stands for "in the larger record".
    fn may_be_large(&self) -> bool {
        self.entries == u64::from(u16::MAX)
            || self.size == u64::from(u32::MAX)
            || self.start == u64::from(u32::MAX)
    }

    /// Reads the larger record, which must lie where the locator says, and end where the locator begins.
    fn of_large(
        reader: &mut (impl Read + Seek),
        locator: &[u8],
        locator_at: u64,
    ) -> Result<Self, String> {
        let end = u64_at(locator, 8);
        let record = bytes_at(reader, end, LARGE_END_LENGTH as u64)?;
        let length = u64_at(&record, 4).checked_add(12);
        if !record.starts_with(&LARGE_END)
            || length.and_then(|length| end.checked_add(length)) != Some(locator_at)
        {
            return Err(no_zip("its zip64 end record is not where it should be"));
        }
        let entries = u64_at(&record, 32);
        Ok(Self {
            entries,
            size: u64_at(&record, 40),
            start: u64_at(&record, 48),
            until: end,
            is_split: record[16..24] != [0; 8]
                || u64_at(&record, 24) != entries
                || u32_at(locator, 4) != 0
                || u32_at(locator, 16) > 1,
        })
    }

    fn guard(&self, reader: &mut (impl Read + Seek)) -> Result<(), String> {
        if self.is_split {
            return Err("it is one of several parts".to_owned());
        }
        if self.entries > MOST_ENTRIES {
            return Err(format!("it has more than {MOST_ENTRIES} entries"));
        }
        if self.size > LARGEST_DIRECTORY {
            return Err(format!(
                "its directory has more than {} MiB",
                LARGEST_DIRECTORY >> 20
            ));
        }
        if self.start.checked_add(self.size) != Some(self.until)
            || self.entries * HEADER_LENGTH > self.size
        {
            return Err(no_zip("its directory is not where it should be"));
        }
        if self.entries > 0 && bytes_at(reader, self.start, HEADER.len() as u64)? != HEADER {
            return Err(no_zip("its directory is none"));
        }
        Ok(())
    }
}

fn bytes_at(reader: &mut (impl Read + Seek), at: u64, length: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    reader
        .seek(SeekFrom::Start(at))
        .map_err(|error| unread(&error))?;
    reader
        .take(length)
        .read_to_end(&mut bytes)
        .map_err(|error| unread(&error))?;
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        Err(unread(&io::ErrorKind::UnexpectedEof.into()))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use std::io::{Cursor, Write};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zip(names: &[&str]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            writer
                .start_file(*name, SimpleFileOptions::default())
                .unwrap();
            writer.write_all(b"content").unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn reason(bytes: &[u8]) -> String {
        open(Cursor::new(bytes)).err().unwrap()
    }

    /// The end of a zip64 whose larger record is said to lie at `record`.
    fn large_end(record: u64) -> Vec<u8> {
        let mut end = [&LOCATOR[..], &[0; 4], &record.to_le_bytes(), &[1, 0, 0, 0]].concat();
        end.extend([&END[..], &[0; 4], &[0xFF; 12], &[0; 2]].concat());
        end
    }

    /// A larger record for a directory.
    fn large_record(entries: u64, size: u64, start: u64) -> Vec<u8> {
        let mut record = [
            &LARGE_END[..],
            &44_u64.to_le_bytes(),
            &[45, 0, 45, 0],
            &[0; 8],
        ]
        .concat();
        for number in [entries, entries, size, start] {
            record.extend(number.to_le_bytes());
        }
        record
    }

    #[test]
    fn zips_of_both_kinds_are_opened_with_or_without_a_comment() {
        let plain = zip(&["a", "b"]);
        assert_eq!(open(Cursor::new(&plain)).unwrap().len(), 2);
        assert_eq!(open(Cursor::new(zip(&[]))).unwrap().len(), 0);
        let end = End::of(&mut Cursor::new(&plain)).unwrap();
        let record = plain.len() - END_LENGTH;
        let mut commented = plain.clone();
        commented[record + 20] = 3;
        commented.extend(b"abc");
        assert_eq!(open(Cursor::new(&commented)).unwrap().len(), 2);
        let mut large = plain[..record].to_vec();
        large.extend(large_record(end.entries, end.size, end.start));
        large.extend(large_end(record as u64));
        assert_eq!(open(Cursor::new(&large)).unwrap().len(), 2);
    }

    #[test]
    fn a_larger_record_that_is_elsewhere_is_not_searched_for() {
        let mut scan = b"PK\x03\x04".to_vec();
        scan.extend(LARGE_END.repeat(1_000));
        scan.extend(large_end(0));
        assert!(reason(&scan).contains("zip64 end record"));
        let mut beyond = zip(&["a"]);
        beyond.extend(large_end(u64::MAX - 1));
        assert!(reason(&beyond).contains("no zip at all"));
    }

    #[test]
    fn a_directory_that_is_too_large_is_not_read() {
        for (entries, size, expected) in [
            (MOST_ENTRIES + 1, 46, "65535 entries"),
            (1, LARGEST_DIRECTORY + 1, "16 MiB"),
            (2, 46, "not where it should be"),
            (1, 47, "not where it should be"),
        ] {
            let mut zip = vec![0; 46];
            zip.extend(large_record(entries, size, 0));
            zip.extend(large_end(46));
            let reason = reason(&zip);
            assert!(reason.contains(expected), "{reason}");
        }
    }

    #[test]
    fn what_is_cut_off_or_lies_elsewhere_is_refused() {
        let whole = zip(&["a", "b"]);
        for length in 0..whole.len() {
            assert!(open(Cursor::new(&whole[..length])).is_err(), "{length}");
        }
        let moved = [b"#!/bin/sh\n", &whole[..]].concat();
        assert!(reason(&moved).contains("not where it should be"));
        for place in whole.len() - END_LENGTH..whole.len() {
            let mut broken = whole.clone();
            broken[place] ^= 0x11;
            assert!(open(Cursor::new(&broken)).is_err(), "{place}");
        }
    }
}

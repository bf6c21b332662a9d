//! A stream through which no secret passes, whoever writes it.

use std::io::{self, Write};

use crate::text::redactor::Redactor;

/// Masks secrets line by line. What does not end in a line break is held until the stream is flushed or dropped.
pub struct Masked<'a> {
    inner: &'a mut dyn Write,
    redactor: Redactor,
    line: Vec<u8>,
}

impl<'a> Masked<'a> {
    /// A stream in front of `inner`.
    pub fn new(inner: &'a mut dyn Write, redactor: &Redactor) -> Self {
        Self {
            inner,
            redactor: redactor.clone(),
            line: Vec::new(),
        }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        self.inner.write_all(
            self.redactor
                .clean(&String::from_utf8_lossy(&line))
                .as_bytes(),
        )
    }
}

impl Write for Masked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if self.line.ends_with(b"\n") {
            self.pass_on()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.line.is_empty() {
            self.pass_on()?;
        }
        self.inner.flush()
    }
}

impl Drop for Masked<'_> {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_written_in_pieces_is_masked() {
        let redactor = Redactor::new();
        redactor.add("hunter2hunter2");
        let mut out = Vec::new();
        {
            let mut masked = Masked::new(&mut out, &redactor);
            write!(masked, "it is hunter2").unwrap();
            writeln!(masked, "hunter2!").unwrap();
            write!(masked, "hunter2hunter2").unwrap();
        }
        assert_eq!(String::from_utf8(out).unwrap(), "it is ***!\n***");
    }

    #[test]
    fn a_secret_that_begins_behind_a_line_break_is_held_until_its_line_ends() {
        let redactor = Redactor::new();
        redactor.add("hunter2hunter2");
        let mut out = Vec::new();
        {
            let mut masked = Masked::new(&mut out, &redactor);
            masked.write_all(b"a line\nhunter2").unwrap();
            masked.write_all(b"hunter2\n").unwrap();
        }
        assert_eq!(String::from_utf8(out).unwrap(), "a line\n***\n");
    }
}

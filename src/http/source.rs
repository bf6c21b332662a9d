//! The body of a request on its way out.

use std::io::{self, Read};

use super::request::Body;

/// Gives exactly as many bytes as were announced. A source that ends early would keep the client waiting forever,
/// one that goes on would be cut silently; both mean that the file changed under us.
pub struct Source<'a> {
    inner: Box<dyn Read + 'a>,
    left: u64,
    /// Why reading failed, if it did: the client reports it as if the network had failed.
    pub failure: Option<String>,
}

impl<'a> Source<'a> {
    pub fn open(body: &Body<'a>) -> io::Result<Self> {
        let inner: Box<dyn Read + 'a> = match body {
            Body::None => Box::new(io::empty()),
            Body::Bytes(bytes) => Box::new(*bytes),
            Body::Stream { open, .. } => open()?,
        };
        Ok(Self {
            inner,
            left: body.length(),
            failure: None,
        })
    }

    fn read_announced(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.inner.read(&mut buffer[..most])?;
        self.left -= count as u64;
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it became shorter while it was sent",
            ));
        }
        // the last bytes are only given away when it is known that they are the last
        if self.left == 0 && self.inner.read(&mut [0])? > 0 {
            return Err(io::Error::other("it became longer while it was sent"));
        }
        Ok(count)
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.read_announced(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error.to_string());
                    return Err(error);
                }
                read => return read,
            }
        }
    }
}

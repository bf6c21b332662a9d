//! How far the request of each thread has come.
//!
//! Whether a request may be repeated depends on whether its last byte has left. The client does not tell, so the
//! transports write it down here. A request is made by one thread from its beginning to the head of its answer, and
//! a thread makes one request at a time: the thread is what a transport, which lives on in the pool from one request
//! to the next, can know its request by.

use std::cell::RefCell;

use super::error::{Sent, Stage};

thread_local! {
    /// The request that this thread makes.
    static PROGRESS: RefCell<Option<Progress>> = const { RefCell::new(None) };
}

/// A request with a body of this length begins.
pub fn begin(body: u64) {
    PROGRESS.set(Some(Progress::new(body)));
}

/// Changes what is known of this thread's request.
pub fn note(change: impl FnOnce(&mut Progress)) {
    PROGRESS.with_borrow_mut(|progress| {
        if let Some(progress) = progress {
            change(progress);
        }
    });
}

/// Asks something about this thread's request.
pub fn ask(question: impl FnOnce(&Progress) -> bool) -> bool {
    PROGRESS.with_borrow(|progress| progress.as_ref().is_some_and(question))
}

/// What was known in the end.
pub fn end() -> Progress {
    PROGRESS.take().unwrap_or_else(|| Progress::new(0))
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    Done,
    /// Some systems do not tell how much of a write that timed out was done.
    TimedOut,
    Failed,
}

/// One request.
#[derive(Debug)]
pub struct Progress {
    pub stage: Stage,
    /// Whether the server may have got the whole request.
    pub sent: Sent,
    /// Connections being made: one inside the other where the way leads through a proxy. What is written then is no
    /// part of the request.
    connecting: u32,
    /// Whether a piece of the request is being written, so that what the layers below write is that piece encrypted.
    writing: bool,
    below: Write,
    /// Once a piece was lost, nothing after it can complete the request.
    lost: bool,
    head_ended: bool,
    last_bytes: [u8; 4],
    body_left: u64,
}

impl Progress {
    fn new(body: u64) -> Self {
        Self {
            stage: Stage::Resolve,
            sent: Sent::No,
            connecting: 0,
            writing: false,
            below: Write::Done,
            lost: false,
            head_ended: false,
            last_bytes: [0; 4],
            body_left: body,
        }
    }

    /// A connection is being made; `true` where it is that of the request, not that to a proxy on the way.
    pub fn connecting(&mut self) -> bool {
        self.connecting += 1;
        self.connecting == 1
    }

    pub fn connected(&mut self) {
        self.connecting = self.connecting.saturating_sub(1);
    }

    /// Whether it is the request's own connection that is being made.
    pub fn is_outermost(&self) -> bool {
        self.connecting == 1
    }

    /// Whether what is written now is a piece of the request.
    pub fn is_piece(&self) -> bool {
        self.connecting == 0 && !self.writing
    }

    /// A piece of the request is handed to the layers below.
    pub fn piece_begins(&mut self) {
        self.writing = true;
        self.below = Write::Done;
        self.stage = self.stage.max(Stage::Send);
    }

    /// Whether the server was asked first and has to say whether it wants the body.
    pub fn awaits_word(&self) -> bool {
        self.head_ended && self.body_left > 0 && self.connecting == 0
    }

    /// A layer below wrote something. Encryption swallows the failure of its last write, so it is noted here.
    pub fn written_below(&mut self, write: Write) {
        if self.writing && write != Write::Done {
            self.below = write;
        }
    }

    /// The layers below are done with `piece`.
    pub fn piece_ends(&mut self, piece: &[u8], write: Write) {
        self.writing = false;
        let write = if write == Write::Done {
            self.below
        } else {
            write
        };
        self.count(piece);
        let is_last = self.head_ended && self.body_left == 0;
        match write {
            Write::Done if is_last && !self.lost => {
                (self.sent, self.stage) = (Sent::Maybe, Stage::Head);
            }
            Write::TimedOut if is_last && !self.lost => self.sent = Sent::Maybe,
            Write::Done => {}
            Write::TimedOut | Write::Failed => self.lost = true,
        }
    }

    fn count(&mut self, piece: &[u8]) {
        if self.head_ended {
            self.body_left = self.body_left.saturating_sub(piece.len() as u64);
            return;
        }
        // head and body never share a piece; the head ends with an empty line
        let mut end = self.last_bytes.to_vec();
        end.extend_from_slice(&piece[piece.len().saturating_sub(4)..]);
        self.last_bytes.copy_from_slice(&end[end.len() - 4..]);
        self.head_ended = self.last_bytes == *b"\r\n\r\n";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(progress: &mut Progress, piece: &[u8], write: Write) {
        assert!(progress.is_piece());
        progress.piece_begins();
        progress.piece_ends(piece, write);
    }

    #[test]
    fn complete_with_the_empty_line() {
        let mut progress = Progress::new(0);
        write(&mut progress, b"GET / HTTP/1.1\r\nhost: x\r\n", Write::Done);
        assert_eq!((progress.sent, progress.stage), (Sent::No, Stage::Send));
        write(&mut progress, b"\r\n", Write::Done);
        assert_eq!((progress.sent, progress.stage), (Sent::Maybe, Stage::Head));
    }

    #[test]
    fn complete_with_the_last_byte_of_the_body() {
        let mut progress = Progress::new(5);
        write(&mut progress, b"PUT / HTTP/1.1\r\n\r\n", Write::Done);
        write(&mut progress, b"\r\n\r\n", Write::Done);
        assert_eq!(progress.sent, Sent::No);
        write(&mut progress, b"!", Write::Done);
        assert_eq!(progress.sent, Sent::Maybe);
    }

    #[test]
    fn a_failed_last_piece_is_not_sent_and_one_that_timed_out_may_be() {
        for (end, sent) in [(Write::Failed, Sent::No), (Write::TimedOut, Sent::Maybe)] {
            let mut progress = Progress::new(0);
            write(&mut progress, b"POST / HTTP/1.1\r\n\r\n", end);
            assert_eq!((progress.sent, progress.stage), (sent, Stage::Send));
        }
    }

    #[test]
    fn a_lost_piece_is_never_made_good() {
        let mut progress = Progress::new(2);
        write(&mut progress, b"PUT / HTTP/1.1\r\n\r\n", Write::TimedOut);
        write(&mut progress, b"ab", Write::Done);
        assert_eq!(progress.sent, Sent::No);
    }

    #[test]
    fn a_failure_that_encryption_swallowed_counts() {
        let mut progress = Progress::new(0);
        progress.piece_begins();
        assert!(!progress.is_piece());
        progress.written_below(Write::Done);
        progress.written_below(Write::Failed);
        progress.piece_ends(b"GET / HTTP/1.1\r\n\r\n", Write::Done);
        assert_eq!(progress.sent, Sent::No);
    }

    #[test]
    fn what_is_written_while_connecting_is_no_piece() {
        let mut progress = Progress::new(0);
        assert!(progress.connecting() && !progress.connecting());
        assert!(!progress.is_piece() && !progress.is_outermost());
        progress.connected();
        progress.written_below(Write::Failed);
        progress.connected();
        assert!(progress.is_piece());
        write(&mut progress, b"GET / HTTP/1.1\r\n\r\n", Write::Done);
        assert_eq!(progress.sent, Sent::Maybe);
    }
}

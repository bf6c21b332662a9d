//! The listener and its connections, one thread each; faults on the wire are made here.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::answer::Answer;
use super::fault::{Effect, Moment};
use super::service::{Service, Visit, locked};
use super::wire::{Head, WireError, head_of, read_body, read_head, write_answer};

const MOST_CONNECTIONS: usize = 512;
const IDLE: Duration = Duration::from_secs(120);

/// A running listener; ends with its connections when dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    state: Arc<Connections>,
    acceptor: Option<JoinHandle<()>>,
}

/// The open connections, so that they can be ended from outside.
#[derive(Default)]
struct Connections {
    streams: Mutex<HashMap<u64, TcpStream>>,
    next: AtomicU64,
    stopping: AtomicBool,
    ended: (Mutex<bool>, Condvar),
}

impl Server {
    pub(super) fn start(listener: TcpListener, service: Arc<Service>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let state = Arc::new(Connections::default());
        let shared = Arc::clone(&state);
        let acceptor = thread::Builder::new()
            .name("sandbox".to_owned())
            .spawn(move || accept(&listener, &service, &shared))?;
        Ok(Self {
            address,
            state,
            acceptor: Some(acceptor),
        })
    }

    /// Blocks until the server ends.
    pub(super) fn wait(&self) {
        let (ended, changed) = &self.state.ended;
        let mut guard = locked(ended);
        while !*guard {
            guard = changed
                .wait(guard)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    pub(super) fn stop(&self) {
        self.state.stopping.store(true, Ordering::SeqCst);
        // accept() cannot be interrupted; a connection wakes it
        drop(TcpStream::connect_timeout(
            &self.address,
            Duration::from_secs(1),
        ));
        for stream in locked(&self.state.streams).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        *locked(&self.state.ended.0) = true;
        self.state.ended.1.notify_all();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, service: &Arc<Service>, state: &Arc<Connections>) {
    while !state.stopping.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok((stream, _)) if !state.stopping.load(Ordering::SeqCst) => {
                open(stream, service, state);
            }
            Ok(_) => {}
            // too many open files, or a connection that is gone already: others may still be served
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn open(stream: TcpStream, service: &Arc<Service>, state: &Arc<Connections>) {
    let Ok(handle) = stream.try_clone() else {
        return;
    };
    let number = state.next.fetch_add(1, Ordering::SeqCst);
    {
        let mut streams = locked(&state.streams);
        if streams.len() >= MOST_CONNECTIONS {
            return;
        }
        streams.insert(number, handle);
    }
    let (service, shared) = (Arc::clone(service), Arc::clone(state));
    let serve = move || {
        serve(stream, &service);
        locked(&shared.streams).remove(&number);
    };
    if thread::Builder::new()
        .name("sandbox connection".to_owned())
        .spawn(serve)
        .is_err()
    {
        locked(&state.streams).remove(&number);
    }
}

/// How a connection goes on after an exchange.
#[derive(PartialEq, Eq)]
enum Next {
    Continue,
    Close,
    /// Leave unread what the caller still sends, which resets the connection.
    Reset,
}

fn serve(stream: TcpStream, service: &Service) {
    let Ok(mut connection) = Connection::new(stream) else {
        return;
    };
    loop {
        match connection.exchange(service) {
            Ok(Next::Continue) => {}
            Ok(Next::Close) => return connection.linger(),
            Ok(Next::Reset) | Err(WireError::Gone) => return,
            Err(WireError::Refused(status, sentence)) => {
                service.log_line(&format!("          refused: {status} {sentence}"));
                let answer = Answer::text(status, sentence);
                let _ = connection.write(service, &answer, false);
                return connection.linger();
            }
        }
    }
}

struct Connection {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

impl Connection {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(IDLE))?;
        stream.set_write_timeout(Some(IDLE))?;
        Ok(Self {
            reader: BufReader::with_capacity(64 * 1024, stream.try_clone()?),
            writer: stream,
        })
    }

    fn exchange(&mut self, service: &Service) -> Result<Next, WireError> {
        let Some(head) = read_head(&mut self.reader)? else {
            return Ok(Next::Close);
        };
        let mut visit = service.admit(&head);
        if let Some(answer) = visit.refusal.take() {
            return self.refuse(service, &visit, &head, &answer);
        }
        let body = self.body(service, &visit, &head)?;
        let Some(body) = body else {
            return Ok(Next::Reset);
        };
        if let Some(effect) = visit.effect(Moment::Before) {
            return self.spoil(service, &visit, effect);
        }
        let answer = service.carry_out(&mut visit, &head, body);
        thread::sleep(service.latency());
        match visit.effect(Moment::After) {
            None => self.reply(service, &visit, &head, &answer),
            Some(Effect::Page(page)) => {
                let answer = page.answer(service.setting.clock.date(service.setting.clock.now()));
                self.reply(service, &visit, &head, &answer)
            }
            Some(Effect::Rewritten(how)) => {
                self.reply(service, &visit, &head, &how.answer(&answer))
            }
            Some(Effect::Truncated) => self.truncate(service, &visit, &answer),
            Some(Effect::SlowBody) => self.drip(service, &visit, &answer),
            Some(effect) => self.spoil(service, &visit, effect),
        }
    }

    /// Answers without the body. Who waits for `100 Continue` need not send it at all.
    fn refuse(
        &mut self,
        service: &Service,
        visit: &Visit,
        head: &Head,
        answer: &Answer,
    ) -> Result<Next, WireError> {
        let waits = head.expects_continue && head.length > 0;
        if !waits {
            io::copy(&mut self.reader.by_ref().take(head.length), &mut io::sink())?;
        }
        thread::sleep(service.latency());
        service.note(visit, Some(answer.status));
        let keep_alive = head.keep_alive && !waits;
        self.write(service, answer, keep_alive)?;
        Ok(if keep_alive {
            Next::Continue
        } else {
            Next::Close
        })
    }

    /// The request's body, or `None` when the upload was cut.
    fn body(
        &mut self,
        service: &Service,
        visit: &Visit,
        head: &Head,
    ) -> Result<Option<Vec<u8>>, WireError> {
        if head.expects_continue && head.length > 0 {
            self.writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if visit.effect(Moment::Before) == Some(Effect::CutUpload) {
            read_body(&mut self.reader, head.length / 2)?;
            service.note(visit, None);
            return Ok(None);
        }
        match read_body(&mut self.reader, head.length) {
            Ok(body) => Ok(Some(body)),
            Err(error) => {
                service.note(visit, None);
                Err(error)
            }
        }
    }

    fn reply(
        &mut self,
        service: &Service,
        visit: &Visit,
        head: &Head,
        answer: &Answer,
    ) -> Result<Next, WireError> {
        // noted first: who has the answer finds the request in the journal
        service.note(visit, Some(answer.status));
        if head.method == "HEAD" {
            let text = head_of(answer, answer.body.len(), &service.date(), head.keep_alive);
            write_answer(&mut self.writer, text, &[])?;
        } else {
            self.write(service, answer, head.keep_alive)?;
        }
        Ok(if head.keep_alive {
            Next::Continue
        } else {
            Next::Close
        })
    }

    fn write(
        &mut self,
        service: &Service,
        answer: &Answer,
        keep_alive: bool,
    ) -> Result<(), WireError> {
        let head = head_of(answer, answer.body.len(), &service.date(), keep_alive);
        Ok(write_answer(&mut self.writer, head, &answer.body)?)
    }

    /// Ends the exchange without a proper answer.
    fn spoil(
        &mut self,
        service: &Service,
        visit: &Visit,
        effect: Effect,
    ) -> Result<Next, WireError> {
        service.note(visit, None);
        match effect {
            Effect::Hang => self.hang(),
            Effect::Garbage => self
                .writer
                .write_all(b"\x15\x03\x01\x00\x02\x02\x50 not http\r\n\r\n")?,
            _ => {}
        }
        Ok(Next::Close)
    }

    /// Until the caller has had enough, or the sandbox ends.
    fn hang(&mut self) {
        let _ = self.writer.set_read_timeout(None);
        let _ = io::copy(&mut self.reader, &mut io::sink());
    }

    fn truncate(
        &mut self,
        service: &Service,
        visit: &Visit,
        answer: &Answer,
    ) -> Result<Next, WireError> {
        service.note(visit, Some(answer.status));
        let body = &answer.body;
        // an empty answer is announced longer, so that it too breaks off
        let announced = if body.is_empty() { 16 } else { body.len() };
        let head = head_of(answer, announced, &service.date(), true);
        write_answer(&mut self.writer, head, &body[..body.len() / 2])?;
        Ok(Next::Close)
    }

    /// The body in drops, over five seconds of the tenant's time.
    fn drip(
        &mut self,
        service: &Service,
        visit: &Visit,
        answer: &Answer,
    ) -> Result<Next, WireError> {
        const DROPS: usize = 20;
        service.note(visit, Some(answer.status));
        let head = head_of(answer, answer.body.len(), &service.date(), false);
        self.writer.write_all(&head)?;
        let size = answer.body.len().div_ceil(DROPS).max(1);
        for drop in answer.body.chunks(size) {
            self.writer.write_all(drop)?;
            thread::sleep(service.setting.clock.lasting(0.25));
        }
        Ok(Next::Close)
    }

    /// Closing with unread bytes would reset the connection and could take the answer with it.
    fn linger(mut self) {
        const PATIENCE: Duration = Duration::from_millis(500);
        const MOST: u64 = 64 * 1024 * 1024;
        let _ = self.writer.shutdown(Shutdown::Write);
        let _ = self.writer.set_read_timeout(Some(PATIENCE));
        let _ = io::copy(&mut self.reader.by_ref().take(MOST), &mut io::sink());
    }
}

//! The listener and its connections, one thread each; faults on the wire are made here.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::answer::Answer;
use super::fault::{Effect, Moment};
use super::service::{Service, Visit, locked};
use super::wire::{Head, WireError, head_of, read_body, read_head, write_answer};

const MOST_CONNECTIONS: usize = 512;
const IDLE: Duration = Duration::from_secs(120);

/// A running listener; ends with its connections when dropped.
pub struct Server {
    pub address: SocketAddr,
    state: Arc<Connections>,
    acceptor: Option<JoinHandle<()>>,
}

/// The open connections, so that they can be ended from outside.
#[derive(Default)]
struct Connections {
    streams: Mutex<HashMap<SocketAddr, TcpStream>>,
    stopping: AtomicBool,
}

impl Server {
    pub fn start(listener: TcpListener, service: Arc<Service>) -> io::Result<Self> {
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

    pub fn stop(&self) {
        self.state.stopping.store(true, Ordering::SeqCst);
        // accept() cannot be interrupted; a connection wakes it
        drop(TcpStream::connect_timeout(
            &self.address,
            Duration::from_secs(1),
        ));
        for stream in locked(&self.state.streams).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
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
    let (Ok(handle), Ok(caller)) = (stream.try_clone(), stream.peer_addr()) else {
        return;
    };
    {
        let mut streams = locked(&state.streams);
        if streams.len() >= MOST_CONNECTIONS {
            return;
        }
        streams.insert(caller, handle);
    }
    let (service, shared) = (Arc::clone(service), Arc::clone(state));
    let serve = move || {
        serve(stream, &service);
        locked(&shared.streams).remove(&caller);
    };
    if thread::Builder::new()
        .name("sandbox connection".to_owned())
        .spawn(serve)
        .is_err()
    {
        locked(&state.streams).remove(&caller);
    }
}

fn serve(stream: TcpStream, service: &Service) {
    let Ok(mut connection) = Connection::new(stream, service) else {
        return;
    };
    loop {
        match connection.exchange() {
            Ok(true) => {}
            Ok(false) => return connection.linger(),
            // what the caller still sends is left unread, which resets the connection
            Err(WireError::Gone) => return,
            Err(WireError::Refused(status, sentence)) => {
                service.log_line(&format!("          refused: {status} {sentence}"));
                let answer = Answer::text(status, sentence);
                let _ = connection.write(&answer, answer.body.len(), &answer.body, false);
                return connection.linger();
            }
        }
    }
}

struct Connection<'s> {
    service: &'s Service,
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

impl<'s> Connection<'s> {
    fn new(stream: TcpStream, service: &'s Service) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(IDLE))?;
        stream.set_write_timeout(Some(IDLE))?;
        Ok(Self {
            service,
            reader: BufReader::with_capacity(64 * 1024, stream.try_clone()?),
            writer: stream,
        })
    }

    /// One request and its answer; whether the connection goes on after it.
    fn exchange(&mut self) -> Result<bool, WireError> {
        let Some(head) = read_head(&mut self.reader)? else {
            return Ok(false);
        };
        let service = self.service;
        let mut visit = service.admit(head);
        let keep_alive = visit.head.keep_alive;
        if let Some(answer) = visit.refusal.take() {
            let waits = self.pass_over(&visit.head)?;
            thread::sleep(service.latency());
            return self.reply(&visit, &answer, keep_alive && !waits);
        }
        let body = self.body(&visit)?;
        if let Some(effect) = visit.effect(Moment::Before) {
            return self.spoil(&visit, effect);
        }
        let answer = service.carry_out(&mut visit, body);
        thread::sleep(service.latency());
        match visit.effect(Moment::After) {
            None => self.reply(&visit, &answer, keep_alive),
            Some(Effect::Rewritten(how)) => self.reply(&visit, &how(&answer), keep_alive),
            Some(Effect::Truncated) => self.truncate(&visit, &answer),
            Some(Effect::SlowBody) => self.drip(&visit, &answer),
            Some(Effect::Page(page)) => {
                let page = page(service.setting.clock.today());
                self.reply(&visit, &page, keep_alive)
            }
            Some(effect) => self.spoil(&visit, effect),
        }
    }

    /// Leaves a body aside. Who waits for `100 Continue` need not send it at all.
    fn pass_over(&mut self, head: &Head) -> Result<bool, WireError> {
        let waits = head.expects_continue && head.length > 0;
        if !waits {
            io::copy(&mut self.reader.by_ref().take(head.length), &mut io::sink())?;
        }
        Ok(waits)
    }

    /// The request's body, unless the upload is cut.
    fn body(&mut self, visit: &Visit) -> Result<Vec<u8>, WireError> {
        let head = &visit.head;
        if head.expects_continue && head.length > 0 {
            self.writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if let Some(Effect::CutUpload) = visit.effect(Moment::Before) {
            read_body(&mut self.reader, head.length / 2)?;
            self.service.note(visit, None);
            return Err(WireError::Gone);
        }
        let body = read_body(&mut self.reader, head.length);
        if body.is_err() {
            self.service.note(visit, None);
        }
        body
    }

    fn reply(
        &mut self,
        visit: &Visit,
        answer: &Answer,
        keep_alive: bool,
    ) -> Result<bool, WireError> {
        // noted first: who has the answer finds the request in the log
        self.service.note(visit, Some(answer.status));
        let body: &[u8] = match visit.head.method.as_str() {
            "HEAD" => &[],
            _ => &answer.body,
        };
        self.write(answer, answer.body.len(), body, keep_alive)?;
        Ok(keep_alive)
    }

    fn write(
        &mut self,
        answer: &Answer,
        announced: usize,
        body: &[u8],
        keep_alive: bool,
    ) -> Result<(), WireError> {
        let head = head_of(answer, announced, &self.service.date(), keep_alive);
        Ok(write_answer(&mut self.writer, head, body)?)
    }

    /// Ends the exchange without a proper answer.
    fn spoil(&mut self, visit: &Visit, effect: Effect) -> Result<bool, WireError> {
        self.service.note(visit, None);
        match effect {
            Effect::Hang => self.hang(),
            Effect::Garbage => self
                .writer
                .write_all(b"\x15\x03\x01\x00\x02\x02\x50 not http\r\n\r\n")?,
            _ => {}
        }
        Ok(false)
    }

    /// Until the caller has had enough, or the sandbox ends.
    fn hang(&mut self) {
        let _ = self.writer.set_read_timeout(None);
        let _ = io::copy(&mut self.reader, &mut io::sink());
    }

    fn truncate(&mut self, visit: &Visit, answer: &Answer) -> Result<bool, WireError> {
        self.service.note(visit, Some(answer.status));
        let body = &answer.body;
        // an empty answer is announced longer, so that it too breaks off
        let announced = if body.is_empty() { 16 } else { body.len() };
        self.write(answer, announced, &body[..body.len() / 2], true)?;
        Ok(false)
    }

    /// The body in drops, over five seconds of the tenant's time.
    fn drip(&mut self, visit: &Visit, answer: &Answer) -> Result<bool, WireError> {
        const DROPS: usize = 20;
        self.service.note(visit, Some(answer.status));
        self.write(answer, answer.body.len(), &[], false)?;
        let size = answer.body.len().div_ceil(DROPS).max(1);
        for drop in answer.body.chunks(size) {
            self.writer.write_all(drop)?;
            thread::sleep(self.service.setting.clock.lasting(0.25));
        }
        Ok(false)
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

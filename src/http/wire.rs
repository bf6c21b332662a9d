//! The way to the server: resolver, proxy, TCP, TLS, with what is needed to tell afterwards how far a request came.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, TcpConnector,
    Transport,
};

use super::error::Stage;
use super::progress::{self, Progress, Write};
use super::tls::{Encryption, TlsConnector};

/// Makes connections: through the proxy or directly, encrypted or not.
pub fn connector(encryption: &Arc<Encryption>) -> impl Connector {
    let chain = ConnectProxyConnector::default()
        .chain(TcpConnector::default())
        .chain(Watch {
            ends: Some(Stage::Tls),
        })
        .chain(TlsConnector(Arc::clone(encryption)))
        .chain(Watch { ends: None });
    Outermost(chain)
}

/// Marks when a connection is being made and when it stands.
#[derive(Debug)]
struct Outermost<C>(C);

impl<C: Connector<()>> Connector<()> for Outermost<C> {
    type Out = C::Out;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let through_proxy = details.config.proxy().is_some();
        progress::note(|progress| {
            if progress.connecting() {
                progress.stage = if through_proxy {
                    Stage::Proxy
                } else {
                    Stage::Connect
                };
            }
        });
        let connected = self.0.connect(details, chained);
        progress::note(Progress::connected);
        connected
    }
}

/// Wraps a transport so that it notes what it writes.
#[derive(Debug)]
struct Watch {
    /// The stage that begins once this layer stands.
    ends: Option<Stage>,
}

impl<In: Transport> Connector<In> for Watch {
    type Out = Watched<In>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if let Some(stage) = self.ends.filter(|_| details.needs_tls()) {
            progress::note(|progress| {
                if progress.is_outermost() {
                    progress.stage = stage;
                }
            });
        }
        Ok(chained.map(Watched))
    }
}

#[derive(Debug)]
struct Watched<T>(T);

impl<T: Transport> Transport for Watched<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let is_piece = progress::ask(Progress::is_piece);
        if !is_piece {
            let written = self.0.transmit_output(amount, timeout);
            progress::note(|progress| progress.written_below(outcome(&written)));
            return written;
        }
        progress::note(Progress::piece_begins);
        let written = self.0.transmit_output(amount, timeout);
        let piece = &self.0.buffers().output()[..amount];
        progress::note(|progress| progress.piece_ends(piece, outcome(&written)));
        written
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let progressed = self.0.await_input(timeout)?;
        if progress::ask(Progress::awaits_word) {
            drop_headers_of_interim_answer(self.0.buffers());
        }
        Ok(progressed)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}

/// Some gateways write headers into `100 Continue`. The client takes such an answer for the final one and waits for
/// the rest of it while the server waits for the body.
fn drop_headers_of_interim_answer(buffers: &mut dyn Buffers) {
    let input = buffers.input();
    let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") else {
        return;
    };
    let line = input
        .windows(2)
        .position(|two| two == b"\r\n")
        .unwrap_or(end);
    if !input.starts_with(b"HTTP/1.1 1") || line == end {
        return;
    }
    let tidy = [&input[..line], &input[end..]].concat();
    buffers.input_consume(buffers.input().len());
    buffers.input_append_buf()[..tidy.len()].copy_from_slice(&tidy);
    buffers.input_appended(tidy.len());
}

fn outcome(written: &Result<(), Error>) -> Write {
    match written {
        Ok(()) => Write::Done,
        Err(Error::Timeout(_)) => Write::TimedOut,
        // the system's own patience with a silent host
        Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::TimedOut => Write::TimedOut,
        Err(_) => Write::Failed,
    }
}

/// Looks up each host once. The client would ask before every request, even where a connection stands already.
#[derive(Debug, Clone, Default)]
pub struct Addresses(Arc<Mutex<HashMap<String, ResolvedSocketAddrs>>>);

impl Addresses {
    /// After a connection failed: the host may have moved.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, ResolvedSocketAddrs>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver for Addresses {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let host = format!("{:?}://{:?}", uri.scheme(), uri.authority());
        if let Some(known) = self.lock().get(&host) {
            return Ok(known.clone());
        }
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        self.lock().insert(host, found.clone());
        Ok(found)
    }
}

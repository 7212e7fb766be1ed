//! Listens to what the server says. Diesel hides an error's SQLSTATE and rows whose shape it
//! wasn't told; both pass by on the decrypted stream, in messages of one byte of type, four
//! of length, and a body.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A row of a result, as text.
pub(crate) type Row = Vec<Option<String>>;

/// Whether a transaction is open on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Status {
    /// None is.
    #[default]
    Idle,
    /// One is.
    InTransaction,
    /// One is, and a statement in it failed: it can only be rolled back.
    Failed,
}

/// An error as the server said it, without its DETAIL: that holds row values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Said {
    pub(crate) code: String,
    pub(crate) message: String,
    /// The server ends the connection with it.
    pub(crate) fatal: bool,
}

/// What was heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The last error since [`Ear::forget`].
    pub(crate) error: Option<Said>,
    /// Rows of the last result, while they are asked for.
    pub(crate) rows: Option<Vec<Row>>,
    /// Of each statement that was done its rows, if it can have some; while they are asked for.
    pub(crate) each: Option<Vec<Option<Vec<Row>>>>,
    /// The statement under way can have rows.
    described: bool,
    /// The number of the server process, as the login told it.
    pub(crate) backend: Option<i32>,
    /// The stream has ended, or can't be followed any more.
    pub(crate) ended: bool,
    status: Status,
    /// An error was heard, and not yet that the server is ready for the next statement.
    unsettled: bool,
}

/// The listener's notes, shared with the stream that is listened to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ear(Arc<(Mutex<Heard>, Condvar)>);

impl Ear {
    pub(crate) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what earlier statements led to; why the stream ended stays known.
    pub(crate) fn forget(&self, listen: Listen) {
        let mut heard = self.settled();
        if !heard.ended && !heard.error.as_ref().is_some_and(|said| said.fatal) {
            heard.error = None;
        }
        heard.rows = match listen {
            Listen::Errors => None,
            Listen::Rows | Listen::Each => Some(Vec::new()),
        };
        heard.each = (listen == Listen::Each).then(Vec::new);
        heard.described = false;
    }

    pub(crate) fn status(&self) -> Status {
        self.settled().status
    }

    /// The client hands an error on before the server's "ready" behind it has arrived.
    fn settled(&self) -> MutexGuard<'_, Heard> {
        const PATIENCE: Duration = Duration::from_secs(5);
        let deadline = Instant::now() + PATIENCE;
        let mut heard = self.heard();
        while heard.unsettled && !heard.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.0.1.wait_timeout(heard, left);
            heard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        heard
    }

    fn told(&self) {
        self.0.1.notify_all();
    }
}

/// What to listen to besides errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    Errors,
    Rows,
    /// The rows of each statement.
    Each,
}

/// Cuts the stream into messages, however its bytes are split.
#[derive(Debug, Default)]
struct Frames {
    header: Vec<u8>,
    /// The message under way: its type, its body so far, and how much is to come.
    body: Option<(u8, Vec<u8>, usize)>,
    /// It made no sense: no guesses from here on.
    lost: bool,
}

/// The body of a message that isn't kept.
const LONGEST_ERROR: usize = 1 << 20;

impl Frames {
    fn feed(&mut self, mut bytes: &[u8], heard: &mut Heard) {
        while !bytes.is_empty() && !self.lost {
            let Some((kind, body, left)) = &mut self.body else {
                bytes = self.head(bytes, heard);
                continue;
            };
            let (now, later) = bytes.split_at(bytes.len().min(*left));
            if is_kept(*kind, *left + body.len(), heard) {
                body.extend_from_slice(now);
            }
            *left -= now.len();
            bytes = later;
            self.finish(heard);
        }
    }

    fn head<'a>(&mut self, bytes: &'a [u8], heard: &mut Heard) -> &'a [u8] {
        let (now, later) = bytes.split_at(bytes.len().min(5 - self.header.len()));
        self.header.extend_from_slice(now);
        if let Ok([kind, length @ ..]) = <[u8; 5]>::try_from(self.header.as_slice()) {
            self.header.clear();
            // The length counts itself.
            match usize::try_from(i32::from_be_bytes(length)).ok().and_then(|n| n.checked_sub(4)) {
                Some(left) => self.body = Some((kind, Vec::new(), left)),
                None => {
                    self.lost = true;
                    heard.ended = true;
                }
            }
            self.finish(heard);
        }
        later
    }

    fn finish(&mut self, heard: &mut Heard) {
        if let Some((kind, body, _)) = self.body.take_if(|(_, _, left)| *left == 0) {
            note(kind, &body, heard);
        }
    }
}

fn is_kept(kind: u8, length: usize, heard: &Heard) -> bool {
    match kind {
        b'D' => heard.rows.is_some(),
        b'E' => length <= LONGEST_ERROR,
        b'K' | b'Z' => length <= 1024,
        _ => false,
    }
}

fn note(kind: u8, body: &[u8], heard: &mut Heard) {
    match kind {
        b'E' => {
            let said = said(body);
            heard.unsettled = !said.fatal;
            heard.error = Some(said);
        }
        // A description of rows begins a result.
        b'T' => {
            heard.rows.iter_mut().for_each(Vec::clear);
            heard.described = true;
        }
        b'C' => {
            let described = std::mem::take(&mut heard.described);
            if let (Some(each), Some(rows)) = (&mut heard.each, &mut heard.rows) {
                each.push(described.then(|| std::mem::take(rows)));
            }
        }
        b'D' => {
            if let (Some(rows), Some(row)) = (&mut heard.rows, row(body)) {
                rows.push(row);
            }
        }
        b'K' => {
            heard.backend = body.first_chunk().map(|bytes| i32::from_be_bytes(*bytes));
        }
        b'Z' => {
            heard.unsettled = false;
            heard.status = match body {
                b"T" => Status::InTransaction,
                b"E" => Status::Failed,
                _ => Status::Idle,
            };
        }
        _ => {}
    }
}

/// Fields of one byte of type and a text that ends with NUL.
fn said(body: &[u8]) -> Said {
    let mut said = Said::default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for field in body.split(|byte| *byte == 0) {
        match field {
            [b'C', code @ ..] => said.code = text(code),
            [b'M', message @ ..] => said.message = text(message),
            // Not `S`, which the server translates.
            [b'V', severity @ ..] => said.fatal = matches!(severity, b"FATAL" | b"PANIC"),
            _ => {}
        }
    }
    said
}

/// The number of cells, then each one's length (-1: NULL) and bytes.
fn row(body: &[u8]) -> Option<Row> {
    let (count, mut rest) = body.split_first_chunk()?;
    let mut row = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, tail) = rest.split_first_chunk()?;
        rest = tail;
        row.push(match usize::try_from(i32::from_be_bytes(*length)) {
            Err(_) => None,
            Ok(length) => {
                let (cell, tail) = rest.split_at_checked(length)?;
                rest = tail;
                Some(String::from_utf8_lossy(cell).into_owned())
            }
        });
    }
    Some(row)
}

/// A stream that is listened to.
pub(crate) struct Listened<S> {
    inner: S,
    frames: Frames,
    ear: Ear,
}

impl<S> Listened<S> {
    pub(crate) fn new(inner: S, ear: Ear) -> Self {
        Self { inner, frames: Frames::default(), ear }
    }

    pub(crate) fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S> Drop for Listened<S> {
    /// The driver lets go of the stream at an error, often before it ends.
    fn drop(&mut self) {
        self.ear.heard().ended = true;
        self.ear.told();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Listened<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let room = buffer.remaining();
        let result = ready!(Pin::new(&mut this.inner).poll_read(context, buffer));
        let bytes = &buffer.filled()[before..];
        {
            let mut heard = this.ear.heard();
            this.frames.feed(bytes, &mut heard);
            if result.is_err() || (bytes.is_empty() && room > 0) {
                heard.ended = true;
            }
        }
        this.ear.told();
        Poll::Ready(result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Listened<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;

//! What a connection does at the moment, and how long it may.
//!
//! hyper bounds the time between two requests; it does not tell a client that is silent between them, which
//! may take its time, from one that has begun a head and doesn't finish it. Here each byte passes, so here the two
//! are told apart. A head that begins in the same bytes as the request before it counts as silence: the
//! bound of that ends it.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// Whether a request is being answered: from the end of its head to the end of the answer's body.
#[derive(Default)]
pub(super) struct Phase {
    answering: AtomicBool,
    /// How many heads have come to their end.
    heads: AtomicU64,
}

/// A request that is being answered; ends when it is dropped.
pub(super) struct Answering(Arc<Phase>);

impl Answering {
    pub(super) fn begin(phase: &Arc<Phase>) -> Self {
        phase.answering.store(true, Ordering::Relaxed);
        phase.heads.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(phase))
    }

    /// Lasts as long as this body.
    pub(super) fn with(self, body: Body) -> Told {
        Told { body, _answering: self }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.store(false, Ordering::Relaxed);
    }
}

/// The body of an answer.
pub(super) struct Told {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Told {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

/// A connection's bytes, with the bounds of their times.
pub(super) struct Timed {
    stream: TcpStream,
    phase: Arc<Phase>,
    head: Duration,
    stall: Duration,
    /// Runs since the first byte of a head, which comes after so many others.
    begun: Option<(u64, Pin<Box<Sleep>>)>,
    /// Runs while the other end takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Timed {
    /// A head may take `head`, and writing may stand still for `stall`.
    pub(super) fn new(stream: TcpStream, phase: Arc<Phase>, head: Duration, stall: Duration) -> Self {
        // Whoever connects wants to ask: the time of the first head begins with the connection.
        let begun = Some((0, Box::pin(sleep(head))));
        Self { stream, phase, head, stall, begun, stalled: None }
    }

    /// Passes on what came of a write, unless it has been waiting for too long.
    fn written<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall = self.stall;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer was not taken in time")))
    }
}

impl AsyncRead for Timed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let heads = self.phase.heads.load(Ordering::Relaxed);
        self.begun.take_if(|(before, _)| *before != heads);
        if self.phase.answering.load(Ordering::Relaxed) {
            return read;
        }
        if buffer.filled().len() > before && self.begun.is_none() {
            self.begun = Some((heads, Box::pin(sleep(self.head))));
        }
        let Some((_, timer)) = &mut self.begun else { return read };
        match timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the head of the request did not come in time",
            ))),
            Poll::Pending => read,
        }
    }
}

impl AsyncWrite for Timed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(600);

    async fn pair(head: Duration, stall: Duration) -> (Timed, TcpStream, Arc<Phase>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let phase = Arc::new(Phase::default());
        let (stream, _) = listener.accept().await.unwrap();
        (Timed::new(stream, Arc::clone(&phase), head, stall), client, phase)
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_is_given_up() {
        let (mut timed, _client, _) = pair(LONG, SHORT).await;
        let piece = vec![0; 1 << 20];
        let error = loop {
            match timed.write_all(&piece).await {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_head_has_its_time_and_a_request_has_its_own() {
        let (mut timed, mut client, phase) = pair(SHORT, LONG).await;
        let mut one = [0];
        client.write_all(b"G").await.unwrap();
        timed.read_exact(&mut one).await.unwrap();
        let answering = Answering::begin(&phase);
        // What runs now is the request, whose silence is bounded elsewhere.
        assert!(tokio::time::timeout(SHORT * 2, timed.read(&mut one)).await.is_err());
        drop(answering);
        // Between two requests nobody is in a hurry.
        assert!(tokio::time::timeout(SHORT * 2, timed.read(&mut one)).await.is_err());
        client.write_all(b"G").await.unwrap();
        timed.read_exact(&mut one).await.unwrap();
        let error = timed.read(&mut one).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}

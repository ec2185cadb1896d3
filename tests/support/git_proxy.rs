//! A small HTTP proxy: forwards plain requests, tunnels `CONNECT`, and notes the first line of each.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// A running proxy. It knows one server only, under whatever name that is asked for.
pub(crate) struct ForwardProxy {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl ForwardProxy {
    /// Starts a proxy before `behind`; `refuses` answers 407 to everything.
    pub(crate) fn before(behind: SocketAddr, refuses: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let notes = notes.clone();
                // One that fails is the client's to notice.
                std::thread::spawn(move || serve(stream, behind, refuses, &notes));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The first lines of the requests that began a connection.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").clone()
    }
}

fn serve(
    mut front: TcpStream,
    behind: SocketAddr,
    refuses: bool,
    notes: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        front.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let first = text.lines().next().unwrap_or_default().to_owned();
    notes.lock().expect("no panic").push(first.clone());
    if refuses {
        let answer =
            "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return front.write_all(answer.as_bytes());
    }
    let mut back = TcpStream::connect(behind)?;
    if first.starts_with("CONNECT ") {
        front.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    } else {
        back.write_all(&head)?;
    }
    let (mut up, mut down) = (front.try_clone()?, back.try_clone()?);
    let upward = std::thread::spawn(move || {
        let _ = io::copy(&mut up, &mut back);
        let _ = back.shutdown(std::net::Shutdown::Write);
    });
    io::copy(&mut down, &mut front)?;
    let _ = front.shutdown(std::net::Shutdown::Both);
    let _ = upward.join();
    Ok(())
}

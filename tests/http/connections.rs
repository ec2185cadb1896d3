//! Connections that take their time, and more of them than there is room for.

use std::time::{Duration, Instant};

use gantry::http::Limits;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    scene::Scene,
    serving::{CI, Serving, Setup},
};

const SHORT: Duration = Duration::from_millis(100);
const PROBE: &[u8] = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";

async fn server(change: impl FnOnce(&mut Limits)) -> Serving {
    let mut setup = Setup::of(vec![Scene::new("infra", &["checkout"]).seen()]);
    change(&mut setup.limits);
    setup.serve().await
}

async fn connect(server: &Serving) -> TcpStream {
    TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap()
}

/// Reads up to the end of `until`.
async fn read(stream: &mut TcpStream, until: &str) -> String {
    let mut text = String::new();
    while !text.contains(until) {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "it ended before {until:?}: {text}");
        text.push_str(std::str::from_utf8(&piece[..count]).unwrap());
    }
    text
}

/// Waits until the server closes; answers what it had to say.
async fn closed(mut stream: TcpStream) -> String {
    let mut rest = Vec::new();
    // An end and a reset are the same to a client that waits.
    let _ = stream.read_to_end(&mut rest).await;
    String::from_utf8(rest).unwrap()
}

#[tokio::test]
async fn half_a_request_is_closed() {
    let server = server(|limits| limits.head_time = SHORT).await;
    for half in [&b""[..], b"G", b"GET /livez HTTP/1.1\r\nhost: localhost\r\n", b"PRI * HTTP/2.0\r\n"] {
        let mut stream = connect(&server).await;
        stream.write_all(half).await.unwrap();
        assert!(!closed(stream).await.contains("200"), "{half:?}");
    }
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_closed() {
    let server = server(|limits| limits.head_time = SHORT).await;
    let mut stream = connect(&server).await;
    let began = Instant::now();
    // Each byte comes long before the time is over, and the head never ends.
    loop {
        assert!(began.elapsed() < Duration::from_secs(30), "it goes on for ever");
        let written = stream.write_all(b"x").await;
        let end = tokio::time::timeout(SHORT / 20, stream.read(&mut [0; 64])).await;
        if written.is_err() || end.is_ok() {
            break;
        }
    }
}

#[tokio::test]
async fn the_second_request_has_its_time_too_and_silence_between_them_has_more() {
    let server = server(|limits| {
        limits.head_time = SHORT;
        limits.idle = SHORT * 5;
    })
    .await;
    let mut stream = connect(&server).await;
    stream.write_all(PROBE).await.unwrap();
    read(&mut stream, "true}").await;
    let began = Instant::now();
    closed(stream).await;
    assert!(began.elapsed() >= SHORT * 4, "idle connections are kept: {:?}", began.elapsed());

    let server = self::server(|limits| limits.head_time = SHORT).await;
    let mut stream = connect(&server).await;
    stream.write_all(PROBE).await.unwrap();
    read(&mut stream, "true}").await;
    stream.write_all(b"GET /li").await.unwrap();
    closed(stream).await;
}

#[tokio::test]
async fn half_a_body_is_answered_and_closed() {
    let server = server(|limits| limits.body_time = SHORT).await;
    let mut stream = connect(&server).await;
    let head = format!(
        "POST /api/v1/builds HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {CI}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = closed(stream).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn connections_beyond_the_bound_are_told_so() {
    let server = server(|limits| limits.connections = 2).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&server).await;
        stream.write_all(PROBE).await.unwrap();
        read(&mut stream, "true}").await;
        open.push(stream);
    }
    let mut third = connect(&server).await;
    third.write_all(PROBE).await.unwrap();
    let answer = closed(third).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 5"), "{answer}");
    let body: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert!(body["hint"].as_str().unwrap().contains("http.connections"), "{body}");
    // The others go on, and one that ends makes room.
    open[0].write_all(PROBE).await.unwrap();
    read(&mut open[0], "true}").await;
    open.pop();
    let began = Instant::now();
    loop {
        let mut stream = connect(&server).await;
        stream.write_all(PROBE).await.unwrap();
        if closed_or_answered(&mut stream).await.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "no room is made");
    }
}

async fn closed_or_answered(stream: &mut TcpStream) -> String {
    let mut piece = [0; 64];
    let count = stream.read(&mut piece).await.unwrap_or(0);
    String::from_utf8_lossy(&piece[..count]).into_owned()
}

#[tokio::test]
async fn half_requests_in_hundreds_hold_nobody_up_for_long() {
    let server = server(|limits| {
        limits.head_time = SHORT;
        limits.connections = 50;
    })
    .await;
    let mut half = Vec::new();
    for _ in 0..300 {
        let mut stream = connect(&server).await;
        let _ = stream.write_all(b"GET / HTTP/1.1\r\n").await;
        half.push(stream);
    }
    for stream in half {
        closed(stream).await;
    }
    assert!(server.get("/livez").await.status.is_success());
}

#[tokio::test]
async fn a_server_that_goes_down_waits_for_nobody_for_ever() {
    let server = server(|limits| {
        limits.grace = SHORT;
        limits.body_time = Duration::from_secs(600);
    })
    .await;
    let mut idle = connect(&server).await;
    idle.write_all(PROBE).await.unwrap();
    read(&mut idle, "true}").await;
    let mut busy = connect(&server).await;
    let head = format!(
        "POST /api/v1/builds HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {CI}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    busy.write_all(head.as_bytes()).await.unwrap();
    server.close();
    closed(idle).await;
    closed(busy).await;
}

//! The sending side of Git's push protocol (`gitprotocol-pack(5)`, "Pushing Data To a Server"), version 1.
//!
//! Not atomic on purpose: each branch lands or not by itself, so that one person's commit on one branch
//! does not hold back the others. Each command carries the id that the branch must still have; the server
//! checks it under its lock.

use std::{cell::RefCell, collections::HashMap, io::Read, ops::ControlFlow, rc::Rc};

use gix::ObjectId;
use gix_transport::{
    Service,
    client::{MessageKind, WriteMode},
};

use super::{connect::Session, error::GitError, negotiate::AGENT};

/// The most refs that a server may list.
const MAX_REFS: usize = 1_000_000;
/// The most bytes of a report, and of what hooks say.
const MAX_REPORT: u64 = 16 << 20;
const MAX_SAID: usize = 8 << 10;

/// What the server has and can do.
#[derive(Debug, Default)]
pub(super) struct Advertised {
    /// Every branch, without `refs/heads/`.
    pub(super) branches: HashMap<String, ObjectId>,
    /// Every object that a ref of the server names.
    pub(super) tips: Vec<ObjectId>,
    /// It completes packs that leave out what it has.
    pub(super) thin: bool,
    /// It deletes branches.
    pub(super) deletes: bool,
    report: bool,
    side_band: bool,
    quiet: bool,
    pub(super) sha1: bool,
}

/// One branch to change; an absent id is written as zeros.
#[derive(Debug)]
pub(super) struct Command<'a> {
    pub(super) branch: &'a str,
    pub(super) old: Option<ObjectId>,
    pub(super) new: Option<ObjectId>,
}

/// What the server answered.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Branches by name: landed, or why not.
    pub(super) branches: HashMap<String, Result<(), String>>,
    /// Why the pack was not taken.
    pub(super) unpack: Option<String>,
    /// What its hooks wrote.
    pub(super) said: String,
}

/// Opens the conversation: the server lists its refs.
pub(super) fn advertised(session: &mut Session) -> Result<Advertised, GitError> {
    match read_advertised(session.transport()?.as_mut()) {
        Ok(advertised) => Ok(advertised),
        Err(error) => Err(session.explain(error.as_ref())),
    }
}

type Boxed = Box<dyn std::error::Error + 'static>;
type Transport = dyn gix_transport::client::blocking_io::Transport + Send;

fn read_advertised(transport: &mut Transport) -> Result<Advertised, Boxed> {
    let answer = transport.handshake(Service::ReceivePack, &[])?;
    let can = |name: &str| answer.capabilities.contains(name);
    let mut advertised = Advertised {
        thin: !can("no-thin"),
        deletes: can("delete-refs"),
        report: can("report-status"),
        side_band: can("side-band-64k"),
        quiet: can("quiet"),
        sha1: answer
            .capabilities
            .capability("object-format")
            .is_none_or(|format| format.value().is_none_or(|value| value == "sha1")),
        ..Advertised::default()
    };
    let Some(mut refs) = answer.refs else { return Ok(advertised) };
    let mut count = 0;
    while let Some(line) = refs.readline() {
        let line = line??;
        let Some(line) = line.as_slice() else { continue };
        let line = String::from_utf8_lossy(line);
        let Some((id, name)) = line.trim_end().split_once(' ') else { continue };
        let Ok(id) = ObjectId::from_hex(id.as_bytes()) else { continue };
        // An empty repository has one line, of zeros, to carry its capabilities.
        if id.is_null() {
            continue;
        }
        advertised.tips.push(id);
        if let Some(branch) = name.strip_prefix("refs/heads/") {
            advertised.branches.insert(branch.to_owned(), id);
        }
        count += 1;
        if count > MAX_REFS {
            return Err("it lists over a million refs".into());
        }
    }
    if !advertised.report {
        return Err("it does not report what became of a push".into());
    }
    Ok(advertised)
}

/// Sends commands and pack, and reads the report. After an error nobody knows what landed.
pub(super) fn send(
    session: &mut Session,
    advertised: &Advertised,
    commands: &[Command<'_>],
    pack: Option<&[u8]>,
) -> Result<Report, GitError> {
    match send_all(session.transport()?.as_mut(), advertised, commands, pack) {
        Ok(report) => Ok(report),
        Err(error) => Err(session.explain(error.as_ref())),
    }
}

fn send_all(
    transport: &mut Transport,
    server: &Advertised,
    commands: &[Command<'_>],
    pack: Option<&[u8]>,
) -> Result<Report, Boxed> {
    use std::io::Write;
    let mut writer = transport.request(WriteMode::Binary, MessageKind::Flush, false)?;
    let null = ObjectId::null(gix::hash::Kind::Sha1);
    let line = |(place, command): (usize, &Command<'_>)| {
        let (old, new) = (command.old.unwrap_or(null), command.new.unwrap_or(null));
        let mut line = format!("{old} {new} refs/heads/{}", command.branch);
        if place == 0 {
            line.push_str("\0 report-status");
            if server.side_band {
                line.push_str(" side-band-64k");
            }
            if server.quiet {
                // The side band is for hooks; how far unpacking is would only be in their way.
                line.push_str(" quiet");
            }
            line.push_str(" agent=");
            line.push_str(AGENT);
        }
        line
    };
    // One write is one line of the protocol.
    let mut lines = commands.iter().enumerate().map(line);
    let asked = lines.try_for_each(|line| writer.write_all(line.as_bytes()));
    let asked = asked.and_then(|()| writer.write_message(MessageKind::Flush));
    let (mut raw, mut answer) = writer.into_parts();
    // A server that refuses early may stop reading: its report is worth more than the broken pipe.
    let sent = asked.and_then(|()| raw.write_all(pack.unwrap_or_default())).and_then(|()| raw.flush());
    drop(raw);

    let said = Rc::new(RefCell::new(Vec::new()));
    let mut lines = Vec::new();
    let read = if server.side_band {
        let heard = said.clone();
        answer.set_progress_handler(Some(Box::new(move |_, text| {
            let mut heard = heard.borrow_mut();
            let room = MAX_SAID.saturating_sub(heard.len());
            heard.extend_from_slice(&text[..text.len().min(room)]);
            heard.push(b'\n');
            ControlFlow::Continue(())
        })));
        let mut bytes = Vec::new();
        let read = answer.take(MAX_REPORT).read_to_end(&mut bytes);
        lines = packet_lines(&bytes);
        read.map(|_| ())
    } else {
        loop {
            match answer.readline() {
                None => break Ok(()),
                Some(Err(error)) => break Err(error),
                Some(Ok(Err(error))) => break Err(std::io::Error::other(error)),
                Some(Ok(Ok(line))) => lines.extend(line.as_slice().map(<[u8]>::to_vec)),
            }
            if lines.len() > MAX_REFS {
                break Err(std::io::Error::other("its report has no end"));
            }
        }
    };
    let mut report = parse(&lines);
    report.said = String::from_utf8_lossy(&said.borrow()).into_owned();
    // Without a report for every command it is not over: the caller reads the branches again.
    if report.branches.len() < commands.len() && report.unpack.is_none() {
        sent?;
        read?;
    }
    Ok(report)
}

/// The lines of the report, which is packed into the data of the side band.
fn packet_lines(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(4) {
        let Some(length) = std::str::from_utf8(head).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok())
        else {
            break;
        };
        // 0000 ends the report; less than the head itself is no line.
        let Some(line) = length.checked_sub(4).and_then(|length| rest.get(..length)) else { break };
        lines.push(line.to_vec());
        bytes = &rest[line.len()..];
    }
    lines
}

fn parse(lines: &[Vec<u8>]) -> Report {
    let mut report = Report::default();
    for line in lines {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        if let Some(result) = line.strip_prefix("unpack ") {
            report.unpack = (result != "ok").then(|| result.to_owned());
        } else if let Some(branch) = line.strip_prefix("ok refs/heads/") {
            report.branches.insert(branch.to_owned(), Ok(()));
        } else if let Some(rest) = line.strip_prefix("ng refs/heads/") {
            let (branch, why) = rest.split_once(' ').unwrap_or((rest, "no reason given"));
            report.branches.insert(branch.to_owned(), Err(why.to_owned()));
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_and_a_broken_one_ends() {
        let lines = ["unpack ok\n", "ok refs/heads/main\n", "ng refs/heads/qa hook declined it\n"];
        let bytes: String = lines.iter().map(|line| format!("{:04x}{line}", line.len() + 4)).collect();
        let report = parse(&packet_lines(format!("{bytes}0000").as_bytes()));
        assert_eq!(report.unpack, None);
        assert_eq!(report.branches["main"], Ok(()));
        assert_eq!(report.branches["qa"], Err("hook declined it".into()));
        for broken in [&b"zzzz"[..], b"ffffx", b"0003", b"00", b"\xff\xff\xff\xff"] {
            assert!(packet_lines(broken).is_empty());
        }
    }
}

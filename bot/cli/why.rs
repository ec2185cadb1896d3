//! `gantry why`: why a build is not in an environment yet.

use std::{fmt::Write as _, process::ExitCode};

use clap::Args;
use gantry_core::{
    gates::Verdict,
    reason::{Mark, Reason},
    why::{Answer, WhyStep},
};
use jiff::Timestamp;

use super::{
    ask::PlaceArgs,
    error::CliError,
    screen::{Format, Paint, Screen},
    text,
};
use crate::{
    clock::{Clock, SystemClock},
    http::types::WhyView,
};

const EXAMPLES: &str = "\
Examples:
  gantry why checkout prod                         the newest build
  gantry why checkout prod --build 1.43.1
  gantry why checkout prod --build sha256:0f3c…    by digest
  gantry why checkout prod -o name                 one word: in-place, on-its-way or stopped";

/// Says why a build is not in an environment yet.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct WhyArgs {
    /// A tag, a digest or the beginning of a release id; the newest build when left out.
    #[arg(long, value_name = "BUILD")]
    build: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn run(args: WhyArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let client = args.place.ask.client(screen)?;
    let view: WhyView = args.place.get(&client, "why", ("build", args.build.as_deref())).await?;
    match args.place.ask.output {
        Format::Json => screen.data(&view, false)?,
        Format::Yaml => screen.data(&view, true)?,
        Format::Name => screen.print(match view.why.answer {
            Answer::InPlace => "in-place\n",
            Answer::OnItsWay => "on-its-way\n",
            Answer::Stopped => "stopped\n",
        })?,
        Format::Table => {
            screen.print(&draw(&view, screen, SystemClock::new().now()))?;
            if let Some(next) = next_command(&view) {
                screen.say(&format!("next: {next}"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn draw(view: &WhyView, screen: &Screen, now: Timestamp) -> String {
    let why = &view.why;
    let paint = match why.answer {
        Answer::InPlace => Paint::Good,
        Answer::OnItsWay => Paint::Warn,
        Answer::Stopped => Paint::Bad,
    };
    let mut out = format!("{}\n", screen.paint(&text::line(&view.text), paint));
    if let Some(refused) = &view.refused {
        out.push_str(&format!("{}\n", screen.paint(&text::line(refused), Paint::Bad)));
    }
    let names = why.steps.iter().map(|step| text::width(step.environment.as_str()));
    let longest = names.max().unwrap_or(0);
    if !why.steps.is_empty() {
        out.push('\n');
    }
    for (index, step) in why.steps.iter().enumerate() {
        let paint = match step.mark {
            Mark::Done => Paint::Good,
            Mark::Moving | Mark::Waiting => Paint::Warn,
            Mark::Stopped => Paint::Bad,
            Mark::Quiet => Paint::Dim,
        };
        let sentence = view.step_texts.get(index).map_or("", String::as_str);
        // The environment stands in a column of its own.
        let own = format!("{}: ", step.environment);
        let sentence = sentence.strip_prefix(&own).unwrap_or(sentence);
        let name = step.environment.as_str();
        let blanks = " ".repeat(longest - text::width(name));
        let line = format!("{name}{blanks}  {}", text::line(sentence));
        let room = screen.width().map_or(usize::MAX, |width| width.saturating_sub(4));
        // A sentence is never cut: what is missing could be the reason. It goes on below.
        let _ =
            writeln!(out, "  {} {}", screen.paint(step.mark.sign(), paint), fold(&line, room, longest + 6));
        if !step.reached && step.gates.iter().any(|gate| gate.verdict != Verdict::Pass) {
            let _ = writeln!(out, "    {}  {}", " ".repeat(longest), gates(step, now));
        }
    }
    for problem in &view.problems {
        let _ = writeln!(out, "\n! {}", text::line(&problem.to_string()));
    }
    if let Some(at) = why.next_look {
        let at = format!("{} UTC, {}", text::minute(at), text::relative(at, now));
        let _ = writeln!(out, "\nTime alone changes this: {at}");
    }
    out
}

/// `soak passes, checks waits`.
fn gates(step: &WhyStep, now: Timestamp) -> String {
    let words = step.gates.iter().map(|gate| {
        let word = match gate.verdict {
            Verdict::Pass => "passes",
            Verdict::Wait => "waits",
            Verdict::Fail => "fails",
        };
        let until = gate.until.map(|until| format!(" ({})", text::relative(until, now)));
        format!("{} {word}{}", text::line(&gate.gate), until.unwrap_or_default())
    });
    format!("gates: {}", words.collect::<Vec<_>>().join(", "))
}

/// Breaks at blanks so that no line has more than `room` cells; later lines are indented.
fn fold(line: &str, room: usize, indent: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    let mut words = line.split(' ').peekable();
    while let Some(word) = words.next() {
        out.push_str(word);
        used += text::width(word);
        if let Some(next) = words.peek() {
            if used + 1 + text::width(next) > room && used > indent {
                out.push('\n');
                out.push_str(&" ".repeat(indent));
                // The first line starts behind the mark, which takes four cells.
                used = indent.saturating_sub(4);
            } else {
                out.push(' ');
                used += 1;
            }
        }
    }
    out
}

/// What to type next, where a command helps.
fn next_command(view: &WhyView) -> Option<String> {
    let place = &view.why.place;
    view.why.reasons.iter().find_map(|reason| match reason {
        Reason::NeedsApproval { proposal: Some(number) } => Some(format!("gantry approve {}", number.0)),
        Reason::Rejected { .. } => Some(format!(
            "gantry promote {} {} --release {} --reason …   lifts the rejection",
            place.application, place.environment, view.why.version
        )),
        _ => None,
    })
}

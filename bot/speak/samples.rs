//! Samples of everything that is spoken, to try a folder's templates on before they are used.

use gantry_core::{
    artifact::Release,
    decide::{
        place::{Standing, Step},
        view::Put,
    },
    effects::{Effect, Promotion},
    facts::Rejection,
    gates::GateVerdict,
    ids::ProposalNumber,
    reason::{Problem, Reason},
    why::Why,
};
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    Event, ProposalText, Renderer, Ruled,
    page::{
        ApplicationInput, EnvironmentInput, Overview, OverviewInput, PlaceInput, ProposalInput,
        RepositoryInput,
    },
};

/// The samples; a test holds them to every kind of reason that there is.
#[derive(Debug, Deserialize)]
pub(super) struct Samples {
    pub(super) reasons: Vec<Reason>,
    pub(super) standings: Vec<Standing>,
    pub(super) puts: Vec<Put>,
    pub(super) rejections: Vec<Rejection>,
    pub(super) whys: Vec<Why>,
    pub(super) effects: Vec<Effect>,
    pub(super) promotions: Vec<Promotion>,
    pub(super) problems: Vec<Problem>,
    pub(super) old: Release,
}

impl Samples {
    pub(super) fn read() -> Self {
        match serde_json::from_str(include_str!("samples.json")) {
            Ok(samples) => samples,
            // The file is part of the binary, and the first test reads it.
            Err(error) => unreachable!("the samples are valid: {error}"),
        }
    }

    /// Speaks every sentence and page once, and names each.
    pub(super) fn speak(&self, renderer: &Renderer) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let mut say = |name: &str, text: String| all.push((name.to_owned(), text));
        self.reasons.iter().for_each(|reason| say("reason", renderer.reason(reason)));
        self.standings.iter().for_each(|standing| say("standing", renderer.standing(standing)));
        self.puts.iter().for_each(|put| say("put", renderer.put(put)));
        self.rejections.iter().for_each(|rejection| say("rejection", renderer.rejection(rejection)));
        for why in &self.whys {
            say("why", renderer.why(why));
            renderer.why_steps(why).into_iter().for_each(|step| say("why step", step));
        }
        self.effects.iter().for_each(|effect| say("effect", renderer.effect(effect)));
        for (at, promotion) in self.promotions.iter().enumerate() {
            say("promotion commit", renderer.promotion_commit(promotion, &[]));
            let number = (at > 0).then_some(ProposalNumber(2));
            let from = (at != 2).then_some(&self.old);
            let diff = if at == 2 { "" } else { "-1.42.0\n+1.43.1\n" };
            let text = ProposalText { promotion, number, from, source: None, diff };
            let (title, body) = renderer.proposal(&text);
            say("proposal title", title);
            say("proposal body", body);
        }
        for (rejects, rejection) in [true, false].iter().flat_map(|r| self.rejections.iter().map(|x| (*r, x)))
        {
            if let Some(promotion) = self.promotions.first() {
                let (place, version) = (&promotion.place, rejection.version.as_str());
                let (by, reason) = (rejection.by.as_str(), rejection.reason.as_str());
                say(
                    "ruling commit",
                    renderer.ruling_commit(&Ruled { place, version, rejects, by, reason }, &[]),
                );
            }
        }
        self.reasons.iter().for_each(|reason| say("close comment", renderer.close_comment(reason)));
        if let Some(promotion) = self.promotions.first() {
            for put in &self.puts {
                say("event", renderer.arrived(&promotion.place, "1.43.1", put));
            }
        }
        for event in Event::ALL {
            let title = "promote(prod): checkout 1.42.0 -> 1.43.1";
            for (by, reason) in [("jane", "The totals are wrong."), ("", "")] {
                say("event", renderer.event(event, ProposalNumber(2), title, by, reason));
            }
        }
        say("event", renderer.reported("registry.example.com/shop/checkout", "1.43.1", "success", "ci"));
        let why = "the registry has no such tag; push the image before the build is reported.";
        say("event", renderer.build_refused("registry.example.com/shop/checkout", "1.43.1", "ci", why));
        say("demo", renderer.demo_begins("/tmp/demo/infra.git", "http://127.0.0.1:8080"));
        say("demo", renderer.demo_sends("registry.example.com/shop/checkout:1.1.0"));
        say(
            "demo",
            renderer.demo_next("http://127.0.0.1:8080", "token-ci", "token-manager", &"1".repeat(64)),
        );
        for (name, overview) in [("page", self.overview(renderer)), ("empty page", nothing())] {
            say(name, renderer.page("page/overview.html", &overview).unwrap_or_default());
        }
        let problem = values! {
            title => "Not now", means => "The server can't answer.", who => "The sender", act => "Try again.",
            type => "/problems/busy", status => 503,
        };
        say("problem", renderer.page("page/problem.html", &problem).unwrap_or_default());
        all
    }

    fn overview(&self, renderer: &Renderer) -> Overview {
        let texts: Vec<String> = self.standings.iter().map(|standing| renderer.standing(standing)).collect();
        let environments: Vec<_> =
            ["dev", "qa", "prod"].iter().filter_map(|name| name.parse().ok()).collect();
        let columns =
            environments.iter().map(|name| EnvironmentInput { name, branch: "main" }).collect::<Vec<_>>();
        let applications = self.standings.iter().zip(&texts).map(|(standing, text)| ApplicationInput {
            name: &standing.place.application,
            source: Some("https://git.example.com/shop/checkout"),
            places: vec![PlaceInput { standing, text }],
        });
        let gate_text = |verdict: &GateVerdict| renderer.gate(verdict);
        let gates: Vec<Vec<String>> =
            self.promotions.iter().map(|p| p.gates.iter().map(gate_text).collect()).collect();
        let proposals =
            self.promotions.iter().zip(&gates).zip(2..).map(|((promotion, texts), number)| ProposalInput {
                place: &promotion.place,
                from: &promotion.from_version,
                version: "1.43.1",
                step: Step::Proposed,
                number: Some(ProposalNumber(number)),
                url: if number == 2 { "https://git.example.com/shop/infra/pulls/2" } else { "" },
                gates: promotion.gates.iter().zip(texts.iter().map(String::as_str)).collect(),
                text: "It waits.",
            });
        let repositories = [
            RepositoryInput {
                name: "infra",
                at: Some(Timestamp::UNIX_EPOCH),
                settled: false,
                problems: &self.problems,
                environments: columns,
                applications: applications.collect(),
                proposals: proposals.collect(),
            },
            RepositoryInput {
                name: "other",
                at: None,
                settled: true,
                problems: &[],
                environments: Vec::new(),
                applications: Vec::new(),
                proposals: Vec::new(),
            },
        ];
        Overview::new(&OverviewInput {
            now: self.old.built().unwrap_or(Timestamp::UNIX_EPOCH),
            server: "https://gantry.example.com",
            repositories: &repositories,
            next: Some("/?after=checkout"),
            first: Some("/"),
            total: 40,
        })
    }
}

fn nothing() -> Overview {
    Overview::new(&OverviewInput {
        now: Timestamp::UNIX_EPOCH,
        server: "",
        repositories: &[],
        next: None,
        first: None,
        total: 0,
    })
}

use super::{super::page::*, *};
use gantry_core::{
    artifact::Release,
    decide::place::{Next, Standing, Step},
    decide::view::Put,
    facts::*,
    gates::*,
    ids::*,
    reason::*,
};
use jiff::{SignedDuration, Timestamp};

#[test]
fn look() {
    let voice = Voice::embedded();
    let s = samples();
    let now: Timestamp = "2026-11-21T14:03:27Z".parse().unwrap();
    let names = [
        "accounts",
        "address-book",
        "ads",
        "analytics-ingest",
        "api-gateway",
        "basket",
        "billing",
        "campaigns",
        "cart",
        "catalog",
        "checkout",
        "content",
        "coupons",
        "customer-profile",
        "delivery-slots",
        "email-sender",
        "experiments",
        "feature-flags",
        "fraud-detection",
        "gift-cards",
        "identity",
        "image-resizer",
        "inventory",
        "invoices",
        "loyalty",
        "mobile-bff",
        "notifications",
        "orders",
        "payments",
        "pricing",
        "product-recommendations-service",
        "promotions",
        "refunds",
        "returns",
        "reviews",
        "search",
        "shipping",
        "stock-sync",
        "tax",
        "wishlist",
    ];
    let envs: Vec<EnvironmentName> =
        ["dev", "qa", "prod-eu", "prod-us"].iter().map(|n| n.parse().unwrap()).collect();
    let release = |app: &str, v: &str| -> Release {
        let mut a = s.old.artifacts[0].clone();
        a.tag = v.parse().unwrap();
        a.image = format!("registry.example.com/shop/{app}").parse().unwrap();
        Release::new(app.parse().unwrap(), vec![a])
    };
    let apps: Vec<ApplicationName> = names.iter().map(|n| n.parse().unwrap()).collect();
    let mut standings: Vec<Vec<(Standing, String)>> = vec![];
    let gate =
        |g: &str, v: Verdict, r: Reason| GateVerdict { gate: g.into(), verdict: v, until: None, reason: r };
    let ago = |m: i64| now.checked_sub(SignedDuration::from_mins(m)).unwrap();
    let mut props: Vec<(Place, String, String, Step, u64, Vec<(GateVerdict, String)>, String)> = vec![];
    for (i, app) in names.iter().enumerate() {
        let mut row = vec![];
        for (j, env) in envs.iter().enumerate() {
            if i == 7 && j == 3 {
                continue;
            }
            let v = if i == 5 {
                format!("2026.11.{}-build.{}", 20 - j, 48_111 - 7 * i - j)
            } else {
                format!("{}.{}.{}", 1 + i % 3, (i * 7) % 40, 9 - j)
            };
            let newer = format!("{}.{}.{}", 1 + i % 3, (i * 7) % 40, 10 - j);
            let place = Place { application: app.parse().unwrap(), environment: env.clone() };
            let rel = release(app, &v);
            let mut st = Standing {
                place: place.clone(),
                holds: vec![],
                release: Some(rel),
                since: Some(ago(((i * 37 + j * 411) * 13 % 20_000) as i64)),
                put: Put::Promotion { commit: s.effects_commit(), by: None },
                next: vec![],
                problem: None,
                rest: Some(Reason::NothingNewer),
            };
            let soak_ok = gate("soak", Verdict::Pass, Reason::Soaked { needs: "24h".parse().unwrap() });
            match (i * 4 + j) % 23 {
                3 if j > 0 => {
                    let r = Reason::Soaking {
                        environment: envs[j - 1].clone(),
                        since: ago(200),
                        until: now.checked_add(SignedDuration::from_hours(20)).unwrap(),
                    };
                    st.next.push(Next {
                        release: release(app, &newer),
                        step: Step::Waiting,
                        gates: vec![gate("soak", Verdict::Wait, r)],
                        reason: None,
                        proposal: None,
                    });
                }
                9 if j > 1 => {
                    let n = 40 + i as u64;
                    let m = gate(
                        "merge",
                        Verdict::Wait,
                        Reason::NeedsApproval { proposal: Some(ProposalNumber(n)) },
                    );
                    let gates = vec![
                        soak_ok.clone(),
                        gate(
                            "checks",
                            Verdict::Pass,
                            Reason::ChecksPassed { checks: vec!["ci".into(), "scan".into()] },
                        ),
                        m,
                    ];
                    st.next.push(Next {
                        release: release(app, &newer),
                        step: Step::Proposed,
                        gates: gates.clone(),
                        reason: None,
                        proposal: Some(ProposalNumber(n)),
                    });
                    props.push((
                        place.clone(),
                        v.clone(),
                        newer.clone(),
                        Step::Proposed,
                        n,
                        gates
                            .into_iter()
                            .map(|g| {
                                let t = voice.gate(&g);
                                (g, t)
                            })
                            .collect(),
                        String::new(),
                    ));
                }
                14 => {
                    let n = 40 + i as u64;
                    let gates = vec![
                        gate(
                            "checks",
                            Verdict::Wait,
                            Reason::CheckRunning {
                                check: "ci".into(),
                                url: Some("https://ci.example.com/shop/runs/48112".into()),
                            },
                        ),
                        gate("merge", Verdict::Pass, Reason::MergesItself),
                    ];
                    st.next.push(Next {
                        release: release(app, &newer),
                        step: Step::Proposed,
                        gates: gates.clone(),
                        reason: None,
                        proposal: Some(ProposalNumber(n)),
                    });
                    props.push((
                        place.clone(),
                        v.clone(),
                        newer.clone(),
                        Step::Proposed,
                        n,
                        gates
                            .into_iter()
                            .map(|g| {
                                let t = voice.gate(&g);
                                (g, t)
                            })
                            .collect(),
                        String::new(),
                    ));
                }
                17 => {
                    st.put = Put::Drift {
                        commit: "4f1d2c3b5a69788796a5b4c3d2e1f00112233445".parse().unwrap(),
                        by: Person { name: "Ravi Rao".into(), email: String::new() },
                    }
                }
                20 => st.next.push(Next {
                    release: release(app, &newer),
                    step: Step::Stopped,
                    gates: vec![],
                    reason: Some(Reason::Rejected {
                        by: "jane".into(),
                        at: ago(900),
                        reason: "The totals are wrong in Austria.".into(),
                    }),
                    proposal: None,
                }),
                22 => {
                    st.problem = Some(Reason::Broken {
                        problem: Problem {
                            file: Some(format!("apps/{app}/overlays/{env}/kustomization.yaml")),
                            line: Some(12),
                            column: Some(5),
                            message: "the key newTag stands twice".into(),
                            owner: Owner::Team,
                        },
                    })
                }
                _ => {}
            }
            let text = voice.standing(&st);
            row.push((st, text));
        }
        standings.push(row);
    }
    let problems = vec![
        Problem {
            file: Some("gantry.yaml".into()),
            line: Some(31),
            column: Some(7),
            message: "applications[4].images[0].selct: unknown key; did you mean `select`?".into(),
            owner: Owner::Team,
        },
        Problem {
            file: None,
            line: None,
            column: None,
            message: "registry.example.com: 401 for shop/tax: the credentials in the settings were refused"
                .into(),
            owner: Owner::Platform,
        },
    ];
    let repo = RepositoryInput {
        name: "shop-infra",
        at: Some(ago(0)),
        settled: true,
        problems: &problems,
        environments: envs.iter().map(|name| EnvironmentInput { name, branch: "main" }).collect(),
        applications: apps
            .iter()
            .zip(&standings)
            .map(|(name, row)| ApplicationInput {
                name,
                source: Some("https://git.example.com/shop/x"),
                places: row.iter().map(|(standing, text)| PlaceInput { standing, text }).collect(),
            })
            .collect(),
        proposals: props
            .iter()
            .map(|(place, from, version, step, n, gates, text)| ProposalInput {
                place,
                from,
                version,
                step: *step,
                number: Some(ProposalNumber(*n)),
                url: "",
                gates: gates.iter().map(|(g, t)| (g, t.as_str())).collect(),
                text,
            })
            .collect(),
    };
    let repos = [repo];
    let start = std::time::Instant::now();
    let overview = Overview::new(&OverviewInput {
        now,
        server: "gantry.example.com",
        repositories: &repos,
        next: Some("/?after=wishlist"),
        first: None,
        total: 112,
    });
    let html = voice.page("page/overview.html", &overview).unwrap();
    eprintln!("{:?} {} bytes", start.elapsed(), html.len());
    std::fs::write(
        "/tmp/look/overview.html",
        html.replace("/assets/style.css", "style.css").replace("/assets/icon.svg", "icon.svg"),
    )
    .unwrap();
    std::fs::write("/tmp/look/style.css", voice.asset("page/style.css").unwrap()).unwrap();
}

impl Samples {
    fn effects_commit(&self) -> CommitId {
        "4f1d2c3b5a69788796a5b4c3d2e1f00112233445".parse().unwrap()
    }
}

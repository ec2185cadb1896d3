//! A merge costs what it merges, whatever history is behind it, and whatever its dates say.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use gantry::forge::{Forge as _, Merged};

use super::town::Town;

/// Puts so many commits on `main` that say they are of the year 2030.
fn deepen(town: &Town, count: usize) {
    let mut stream = String::new();
    for n in 0..count {
        let at = 1_900_000_000 + n;
        let _ =
            writeln!(stream, "commit refs/heads/main\ncommitter Ada <ada@example.com> {at} +0000\ndata 1\nx");
        if n == 0 {
            stream.push_str("from refs/heads/main^0\n");
        }
        let _ = writeln!(stream, "M 644 inline notes\ndata {}\n{n}", n.to_string().len());
    }
    town.import(&stream);
    town.mirror.fetch().unwrap();
}

/// The shortest of three rounds from a commit to its merge, a person's commit in between.
async fn shortest_round(town: &Town) -> Duration {
    let mut shortest = Duration::MAX;
    for digit in ['2', '3', '4'] {
        let head = town.promote("qa", "shop", &digit.to_string());
        town.commit("main", None, &[("notes", Some(&format!("{digit}, by a person")))], "notes", "Ada");
        let start = Instant::now();
        town.mirror.fetch().unwrap();
        let number = town.forge.open(&town.draft("qa", "shop", digit)).await.unwrap();
        let merged = town.forge.merge(number, &head).await.unwrap();
        shortest = shortest.min(start.elapsed());
        assert!(matches!(merged, Merged::Yes { .. }), "{merged:?}");
    }
    shortest
}

#[tokio::test]
async fn a_merge_does_not_walk_over_the_history() {
    let (shallow, deep) = (Town::new().await, Town::new().await);
    deepen(&deep, 30_000);
    let (few, many) = (shortest_round(&shallow).await, shortest_round(&deep).await);
    // A walk over these commits takes seconds.
    assert!(many < few * 5 + Duration::from_millis(300), "{many:?} against {few:?}");
}

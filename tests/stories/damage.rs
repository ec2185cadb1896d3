//! The mirror is taken from under the running server: it makes another and goes on.

use std::{fs, path::Path};

use crate::support::house::House;

fn empty(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
}

fn loose(mirror: &Path) {
    for entry in fs::read_dir(mirror.join("objects")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().len() == 2 {
            fs::remove_dir_all(path).unwrap();
        }
    }
}

/// A file that goes over the line as a difference, on what the mirror should hold.
fn big(first: &str) -> String {
    let lines: String = (0..2_000_u32).map(|n| format!("{}\n", n.wrapping_mul(2_654_435_761))).collect();
    format!("{first}\n{lines}")
}

#[tokio::test]
async fn a_mirror_that_is_deleted_under_the_running_server_is_made_anew_at_once() {
    let objects = |mirror: &Path| {
        empty(&mirror.join("objects/pack"));
        loose(mirror);
    };
    let folder = |mirror: &Path| fs::remove_dir_all(mirror.join("objects")).unwrap();
    let all = |mirror: &Path| fs::remove_dir_all(mirror).unwrap();
    type Harm<'a> = (&'a str, &'a dyn Fn(&Path), bool);
    let harms: [Harm<'_>; 4] = [
        ("the objects, then a person commits", &objects, true),
        ("the folder of objects, then a build comes", &folder, false),
        ("the mirror, then a person commits", &all, true),
        ("the mirror, then a build comes", &all, false),
    ];
    for (harm, hurt, commits) in harms {
        let mut house = House::new().await;
        house.person("alice", "Notes", &[("notes.txt", &big("one"))]);
        house.build("1.1.0", "success").await;
        hurt(&house.data().join("mirrors/shop.git"));
        if commits {
            house.person("alice", "Notes", &[("notes.txt", &big("two"))]);
            house.pass().await;
        } else {
            house.build("1.2.0", "success").await;
            assert_eq!(house.versions()[0], "1.2.0", "{harm}");
        }
        assert_eq!(house.seen().problems, [], "{harm}");
        house.build("1.3.0", "success").await;
        assert_eq!(house.versions()[0], "1.3.0", "{harm}");
        // What was made in the place of the mirror is one that a new process takes up.
        house.restart().await;
        house.later(60).await;
        house.later(60).await;
        assert_eq!(house.versions(), ["1.3.0", "1.3.0", "1.0.0"], "{harm}");
        assert_eq!(house.seen().problems, [], "{harm}");
    }
}

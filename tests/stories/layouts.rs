//! Layouts of real infra repositories: in each one application goes to prod, and nothing else changes.

use gantry::observe::BUILD;
use gantry_core::{decide::view::Put, reason::Reason};
use serde_json::json;

use crate::support::{
    house::House,
    layouts::{self, Holds, Layout},
};

/// A house with the layout, whose environments hold the old version.
async fn house(layout: &Layout) -> House {
    let mut house = House::empty("");
    let mut files = layout.files(layout.old, layout.old);
    files.push(("gantry.yaml".to_owned(), layout.config()));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    house.person("alice", "Set up", &files);
    house.start().await;
    house.pass().await;
    house.later(60).await;
    house
}

/// CI reports a build of an image.
async fn build(house: &mut House, image: &str, Holds(tag, revision): Holds) {
    let now = house.now();
    let body = json!({
        "image": image, "tag": tag, "digest": digest_of(image, tag),
        "revision": revision, "source": null, "created": now.to_string(),
        "status": "success", "url": null, "check": "ci",
    });
    let store = std::sync::Arc::clone(&house.server().store);
    store.enqueue(BUILD, Some(&format!("{image}:{tag}")), "ci", &body, now).await.unwrap();
    house.pass().await;
}

/// A digest that belongs to an image and tag.
fn digest_of(image: &str, tag: &str) -> String {
    let text = format!("{image}:{tag}");
    let hash = text.bytes().fold(0_u128, |hash, byte| hash.wrapping_mul(131).wrapping_add(u128::from(byte)));
    format!("sha256:{hash:064x}")
}

/// Every file on `main` is as the layout has it with these versions, byte for byte.
fn holds(house: &House, layout: &Layout, dev: Holds, prod: Holds) {
    for (path, wanted) in layout.files(dev, prod) {
        let found = house.infra.show("main", &path);
        assert_eq!(String::from_utf8(found).unwrap(), wanted, "{path}");
    }
}

async fn goes_to_prod(layout: &Layout) {
    let (old, new) = (layout.old, layout.new);
    let mut house = house(layout).await;
    assert!(house.seen().problems.is_empty(), "{:?}", house.seen().problems);
    holds(&house, layout, old, old);
    for image in layout.images {
        holds(&house, layout, old, old);
        house.later(1).await;
        build(&mut house, image, new).await;
    }
    holds(&house, layout, new, old);
    house.later(1).await;
    house.approve("prod").await;
    house.later(1).await;
    holds(&house, layout, new, new);
    house.later(3_600).await;
    holds(&house, layout, new, new);
    let log = house.log("main");
    assert_eq!(log.iter().filter(|subject| subject.starts_with("promote(")).count(), 2, "{log:?}");
}

macro_rules! layouts {
    ($($name:ident: $layout:ident;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                goes_to_prod(&layouts::$layout).await;
            }
        )*
    };
}

layouts! {
    a_one_overlay_for_each_environment: OVERLAYS;
    b_one_file_without_extension: PLAIN_FILES;
    c_other_folders_for_each_environment: OTHER_FOLDERS;
    d_one_folder_for_each_cluster: CLUSTERS;
    e_a_remote_base_moves_with_the_image: REMOTE_BASE;
    f_a_further_part_in_the_path: TEAMS;
    g_the_base_file_is_production: BASE_IS_PRODUCTION;
    h_the_paths_of_rings: RINGS;
    i_a_value_that_is_not_there_yet: OVER_VALUES;
    j_one_file_with_many_applications: ONE_FILE;
    k_environments_are_elements_of_a_list: ELEMENTS;
    two_tracks_of_one_image: TRACKS;
}

#[tokio::test]
async fn images_of_one_revision_wait_for_each_other() {
    let layout = &layouts::CLUSTERS;
    let mut house = house(layout).await;
    let [api, web] = layout.images else { panic!("two images") };
    build(&mut house, api, layout.new).await;
    let rest = house.standing("dev").rest;
    assert!(matches!(&rest, Some(Reason::NoBuild { .. } | Reason::NotTogether { .. })), "{rest:?}");
    // Another tag of the same revision belongs to it too.
    build(&mut house, web, Holds("2.0.1", layout.new.1)).await;
    let text =
        String::from_utf8(house.infra.show("main", "components/checkout/development/kustomization.yaml"))
            .unwrap();
    assert!(
        text.contains("shop/api\n  newTag: 2.0.0") && text.contains("shop/web\n  newTag: 2.0.1"),
        "{text}"
    );
}

#[tokio::test]
async fn a_new_cluster_is_taken_along_by_the_next_promotion() {
    let layout = &layouts::CLUSTERS;
    let mut house = house(layout).await;
    let path = "components/checkout/production/us-04/kustomization.yaml";
    let text = "images:\n- name: registry.example.com/shop/api\n  newTag: 0.9.0\n- name: registry.example.com/shop/web\n  newTag: 1.0.0\n";
    house.person("bob", "Add us-04", &[(path, text)]);
    house.later(1).await;
    let place = crate::support::house::place("prod");
    let notes = house.seen().facts.places.get(&place).unwrap().notes.clone();
    assert_eq!(notes.len(), 1);
    let note = notes[0].to_string();
    assert!(
        note.starts_with(path) && note.contains("0.9.0") && note.contains("the others hold 1.0.0"),
        "{note}"
    );
    let holds = house.standing("prod").holds;
    assert!(holds.iter().all(|held| held.version() == "1.0.0"), "what the others hold: {holds:?}");
    for image in layout.images {
        build(&mut house, image, layout.new).await;
    }
    house.later(1).await;
    house.approve("prod").await;
    house.later(1).await;
    let found = String::from_utf8(house.infra.show("main", path)).unwrap();
    assert_eq!(found, text.replace("0.9.0", "2.0.0").replace("1.0.0", "2.0.0"));
    assert!(house.seen().facts.places.get(&place).unwrap().notes.is_empty());
}

#[tokio::test]
async fn a_reference_of_another_revision_is_told_and_set_by_the_next_promotion() {
    let layout = &layouts::REMOTE_BASE;
    let mut house = house(layout).await;
    build(&mut house, layout.images[0], layout.new).await;
    holds(&house, layout, layout.new, layout.old);
    let path = "build/dev/kustomization.yaml";
    let (_, text) = layout.files(layout.new, layout.old).into_iter().find(|(own, _)| own == path).unwrap();
    house.later(1).await;
    let other = format!("?ref={}", "c".repeat(40));
    house.person(
        "bob",
        "Try another base",
        &[(path, &text.replacen(&format!("?ref={}", layout.new.1), &other, 1))],
    );
    house.later(1).await;
    let standing = house.standing("dev");
    assert!(!matches!(standing.put, Put::Promotion { .. }), "{:?}", standing.put);
    let note = standing.notes.first().unwrap().to_string();
    assert!(
        note.contains("git.example.com/org/build") && note.contains("cccc") && note.contains("bbbb"),
        "{note}"
    );
    let next = Holds("dddddddddddddddddddddddddddddddddddddddd", "dddddddddddddddddddddddddddddddddddddddd");
    house.later(60).await;
    build(&mut house, layout.images[0], next).await;
    holds(&house, layout, next, layout.old);
    assert!(house.standing("dev").notes.is_empty());
}

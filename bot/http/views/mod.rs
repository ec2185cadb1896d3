//! The board, told in the bodies of the API: data from `decide`, sentences from the renderer.

mod history;
mod place;
mod releases;

pub(super) use self::{
    history::history,
    place::{Under, application, environment, promotion, standings, under_way},
    releases::{pick, releases},
};

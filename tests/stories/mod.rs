//! Stories of the whole loop over real parts.

mod adoption;
mod alone;
mod authors;
mod bad_input;
mod busy;
mod config;
mod damage;
mod end;
mod full_disk;
mod kill;
mod layouts;
mod leftovers;
mod main_job;
mod people;
mod recovery;
mod registries;
mod rejections;
mod seal;
mod silent_forge;
mod verify;
mod words_and_deeds;

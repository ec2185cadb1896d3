//! The HTTP side as its users meet it: a real listener on loopback, a real database in a file, a board filled
//! with facts. Every answer is checked against the OpenAPI document.

mod builds;
mod connections;
mod document;
mod events;
mod hostile;
mod matrix;
mod page;
mod promotions;
mod reading;
mod scene;
mod serving;
mod strangers;

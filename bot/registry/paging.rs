//! Lists the tags of an image, over all pages, and knows whether it saw them all.
//!
//! The ways of registries, each met in the wild: a `Link` to the next page in any form; a page that is full
//! and has no `Link`; `n` and `last` ignored and everything sent at once (Distribution 2.8); `n` over 100
//! refused; the same page again and again. Whatever cannot be told apart from a list that was cut is
//! reported as incomplete.

use std::{collections::HashSet, sync::atomic::Ordering};

use gantry_core::ids::{ImageName, Tag};
use jiff::Timestamp;
use reqwest::{Method, header::LINK};
use url::Url;

use super::{
    Registry, RegistryError,
    client::Ask,
    error::shown,
    link::{self, Next},
    page::{Gathered, Page},
    wire::Moment,
};

/// The page size for registries that refuse a larger one.
const SMALL: u32 = 100;
/// Pages in a row that bring nothing new, before the list is given up.
const IDLE: usize = 3;
/// Registries cut silently at round numbers: 50, 100, 200, 500, 1,000.
const ROUND: usize = 50;

/// The tags of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Each once, in the registry's order.
    pub tags: Vec<Tag>,
    /// Whether these are all. If not, nothing may be decided from what is absent (promise 4).
    pub complete: bool,
    /// Names left out because they are no valid tags.
    pub skipped: usize,
    /// Why the list may be incomplete, for people.
    pub why_incomplete: Option<String>,
}

/// What to do after a page without a next link.
enum After {
    End(Option<String>),
    Ask(Url),
}

/// One listing under way.
struct Walk<'a> {
    registry: &'a Registry,
    repository: &'a str,
    moment: Moment,
    /// The page size in force; `None` when the registry takes none.
    size: Option<u32>,
    /// Names on the first page.
    first: usize,
    linked: bool,
    by_name: bool,
}

impl Registry {
    /// Lists the tags of an image.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when the repository does not exist; any other when a page could not be
    /// read: a list is whole, or marked as incomplete, or an error, never quietly cut.
    pub async fn tags(&self, image: &ImageName, now: Timestamp) -> Result<Listing, RegistryError> {
        let repository = self.path(image)?;
        let mut all = Gathered::new(self.limits().tags);
        let mut walk = Walk {
            registry: self,
            repository: &repository,
            moment: Moment::new(now),
            size: None,
            first: 0,
            linked: false,
            by_name: false,
        };
        let why_incomplete = walk.run(&mut all).await?;
        let Gathered { tags, skipped, .. } = all;
        Ok(Listing { tags, complete: why_incomplete.is_none(), skipped, why_incomplete })
    }
}

impl Walk<'_> {
    /// Reads page after page; gives the reason if the list may be incomplete.
    async fn run(&mut self, all: &mut Gathered) -> Result<Option<String>, RegistryError> {
        let (mut page, mut next) = self.first_page().await?;
        let (mut pages, mut idle) = (1, 0);
        let mut visited = HashSet::new();
        loop {
            let grew = all.add(&page);
            if all.over() {
                return Ok(Some(format!("there are more than {} tags", self.registry.limits().tags)));
            }
            idle = if grew { 0 } else { idle + 1 };
            let url = match next {
                Next::Refused(why) => return Ok(Some(why)),
                Next::Page(url) => {
                    self.linked = true;
                    url
                }
                Next::End => match self.after(&page, grew).await? {
                    After::End(why) => return Ok(why),
                    After::Ask(url) => url,
                },
            };
            if !visited.insert(url.clone()) {
                return Ok(Some("the next page leads back to one already read".to_owned()));
            }
            if idle >= IDLE {
                return Ok(Some(format!("{IDLE} pages in a row brought no new tag, and more are announced")));
            }
            if pages >= self.registry.limits().pages {
                return Ok(Some(format!("there are more than {pages} pages")));
            }
            pages += 1;
            (page, next) = match self.page(url).await {
                // A registry that does not know `last`; the page before was full, or only a round number.
                Err(RegistryError::Unexpected { .. }) if self.by_name => {
                    return Ok(self.full(self.first).then(|| {
                        "the page is full, has no next link, and what follows is refused".to_owned()
                    }));
                }
                other => other?,
            };
        }
    }

    /// The first page, with the largest page size that the registry takes.
    async fn first_page(&mut self) -> Result<(Page, Next), RegistryError> {
        let known = self.registry.page_size().load(Ordering::Relaxed);
        let mut size = (known != 0).then_some(known);
        loop {
            match self.page(self.url(size, None)).await {
                Err(RegistryError::Unexpected { status: 400..500, .. }) if size.is_some() => {
                    size = size.filter(|n| *n > SMALL).map(|_| SMALL);
                }
                Err(error) => return Err(error),
                Ok((page, next)) => {
                    self.registry.page_size().store(size.unwrap_or(0), Ordering::Relaxed);
                    (self.size, self.first) = (size, page.count);
                    return Ok((page, next));
                }
            }
        }
    }

    /// A page came without a next link: is it the end?
    ///
    /// Where links were sent before, yes. Otherwise, after a full page or a round number of tags, what
    /// follows the last name is asked for. If only repeats come, the registry does not know `last`; it is
    /// then one that sends everything at once, unless it obeys `n`.
    async fn after(&mut self, page: &Page, grew: bool) -> Result<After, RegistryError> {
        if self.linked || page.count == 0 {
            return Ok(After::End(None));
        }
        if self.by_name && !grew {
            return Ok(After::End(match self.size {
                Some(size) if self.full(self.first) => {
                    let (probe, _) = self.page(self.url(Some(size - 1), None)).await?;
                    let cut = probe.count + 1 == self.first;
                    cut.then(|| format!("the registry sends {size} tags and no way to the next ones"))
                }
                _ => None,
            }));
        }
        if !self.by_name && !self.full(page.count) && !page.count.is_multiple_of(ROUND) {
            return Ok(After::End(None));
        }
        self.by_name = true;
        Ok(match &page.last {
            Some(last) => After::Ask(self.url(self.size, Some(last))),
            None => After::End(Some("what follows the last name cannot be asked for".to_owned())),
        })
    }

    fn full(&self, count: usize) -> bool {
        self.size.is_some_and(|size| size as usize == count)
    }

    fn url(&self, size: Option<u32>, last: Option<&str>) -> Url {
        let mut url = self.registry.url(self.repository, "tags/list");
        if let Some(size) = size {
            url.query_pairs_mut().append_pair("n", &size.to_string());
        }
        if let Some(last) = last {
            url.query_pairs_mut().append_pair("last", last);
        }
        url
    }

    async fn page(&self, url: Url) -> Result<(Page, Next), RegistryError> {
        let ask = Ask {
            method: Method::GET,
            url,
            accept: "application/json",
            repository: self.repository,
            limit: self.registry.limits().page,
        };
        let reply = self.registry.fetch(&ask, self.moment).await?;
        // The text of the parser could hold names of any length: position only.
        let page = Page::parse(&reply.body).map_err(|error| RegistryError::Malformed {
            url: shown(&reply.url),
            why: format!(
                "the tag list, line {} column {}, is not JSON of that form",
                error.line(),
                error.column()
            ),
        })?;
        let links = reply.headers.get_all(LINK);
        let next = link::next(links.iter().filter_map(|value| value.to_str().ok()), &ask.url);
        Ok((page, next))
    }
}

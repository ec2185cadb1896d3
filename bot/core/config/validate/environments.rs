//! Environments: names, branches, the graph, and gates.

use std::collections::BTreeMap;

use super::{Check, ENVIRONMENTS, MANY};
use crate::{
    config::{
        error::quoted,
        types::{Delivery, Environment, Gate},
    },
    ids::EnvironmentName,
};

impl<'a> Check<'a> {
    pub(super) fn environments(&mut self) {
        let config = self.config;
        let environments = &config.environments;
        self.length("environments", environments.len(), ENVIRONMENTS);
        let mut first = BTreeMap::new();
        for (index, environment) in environments.iter().enumerate() {
            let path = format!("environments[{index}]");
            if let Some(earlier) = first.get(&environment.name) {
                let hint = self.first_at(&format!("environments[{earlier}].name"));
                let message = format!("environment {} is defined twice", quoted(environment.name.as_str()));
                self.value(format!("{path}.name"), message, hint);
            } else {
                first.insert(&environment.name, index);
            }
            self.also(&path, environment);
            self.branch(&path, environment);
            self.after(&path, environment);
            if environment.delivery == Delivery::Commit && environment.merge.is_some() {
                let hint = "remove it, or write `delivery: pull-request`".to_owned();
                self.key(format!("{path}.merge"), "has no meaning with `delivery: commit`", Some(hint));
            }
            if environment.first.is_some() && !environment.after.is_empty() {
                let message = "only has a meaning where builds arrive, in an environment without `after`";
                let hint =
                    "remove it; behind the first environment only what Gantry promoted goes on".to_owned();
                self.key(format!("{path}.first"), message, Some(hint));
            }
            self.gates(&path, environment);
        }
        self.cycles();
    }

    /// Other names in paths: no two environments may be meant by one.
    fn also(&mut self, path: &str, environment: &'a Environment) {
        let own = format!("{path}.as");
        if environment.also.len() > MANY {
            self.length(&own, environment.also.len(), MANY);
        }
        for (index, name) in environment.also.iter().enumerate() {
            let key = format!("{own}[{index}]");
            let others = self.config.environments.iter().filter(|other| other.name != environment.name);
            if *name == environment.name || environment.also[..index].contains(name) {
                let message = format!("{} is told already", quoted(name.as_str()));
                self.value(key, message, None);
            } else if let Some(other) =
                others.clone().find(|other| other.name == *name || other.also.contains(name))
            {
                let message = format!("{} means environment {} too", quoted(name.as_str()), other.name);
                self.value(key, message, Some("let one of them have it".into()));
            }
        }
    }

    fn branch(&mut self, path: &str, environment: &Environment) {
        let Some(branch) = &environment.branch else { return };
        // `gantry` itself too: Git can't hold both `gantry` and `gantry/prod/shop`.
        if branch.as_str() == "gantry" || branch.as_str().starts_with("gantry/") {
            let message = format!("{} is where Gantry's proposals are", quoted(branch.as_str()));
            self.value(format!("{path}.branch"), message, Some("choose another name for the branch".into()));
        }
    }

    fn after(&mut self, path: &str, environment: &'a Environment) {
        self.references(&format!("{path}.after"), &environment.after);
        if let Some(index) = environment.after.iter().position(|name| *name == environment.name) {
            self.value(format!("{path}.after[{index}]"), "an environment can't come after itself", None);
        }
    }

    fn gates(&mut self, path: &str, environment: &Environment) {
        if environment.gates.len() > MANY {
            self.length(&format!("{path}.gates"), environment.gates.len(), MANY);
        }
        for (index, gate) in environment.gates.iter().enumerate() {
            let name = gate.name();
            let path = format!("{path}.gates[{index}]");
            if environment.gates[..index].iter().any(|earlier| earlier.name() == name) {
                self.value(path.clone(), format!("a second gate {}", quoted(name)), None);
            }
            let path = format!("{path}.{name}");
            match gate {
                Gate::Soak(_) if environment.after.is_empty() => {
                    let message = "there is no environment before this one to be in";
                    self.value(path, message, Some("remove it, or give the environment an `after`".into()));
                }
                Gate::Soak(_) => {}
                Gate::Checks(checks) => self.checks(&path, checks),
            }
        }
    }

    fn checks(&mut self, path: &str, checks: &[String]) {
        self.length(path, checks.len(), MANY);
        for (index, check) in checks.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let fine = |c: char| !c.is_control();
            if check.trim().is_empty() || check.chars().count() > 200 || !check.chars().all(fine) {
                let message = "a check's name has 1 to 200 characters and no control characters";
                self.value(path, message, None);
            } else if checks[..index].contains(check) {
                self.value(path, format!("{} stands twice in the list", quoted(check)), None);
            }
        }
    }

    /// Reports each cycle once, with the environments on it, and that no build can arrive.
    fn cycles(&mut self) {
        let config = self.config;
        let environments = &config.environments;
        let index =
            |name: &EnvironmentName| environments.iter().position(|environment| environment.name == *name);
        let mut done = vec![false; environments.len()];
        for start in 0..environments.len() {
            // Depth first, with the next `after` to look at for each environment on the way.
            let mut way: Vec<(usize, usize)> = if done[start] { Vec::new() } else { vec![(start, 0)] };
            while let Some((at, next)) = way.pop() {
                let Some(name) = environments[at].after.get(next) else {
                    done[at] = true;
                    continue;
                };
                way.push((at, next + 1));
                match index(name) {
                    Some(before) if before == at => {} // reported where it stands
                    Some(before) if way.iter().any(|(on, _)| *on == before) => self.cycle(&way, before),
                    Some(before) if !done[before] => way.push((before, 0)),
                    Some(_) | None => {}
                }
            }
        }
        if !environments.is_empty() && environments.iter().all(|environment| !environment.after.is_empty()) {
            let hint = "leave out `after` in the environment where builds arrive first".to_owned();
            self.key("environments".into(), "every environment comes after another one", Some(hint));
        }
    }

    fn cycle(&mut self, way: &[(usize, usize)], from: usize) {
        let environments = &self.config.environments;
        let on = way.iter().skip_while(|(on, _)| *on != from).map(|(on, _)| *on);
        // The way leads from an environment to those before it; people read it in the other direction.
        let mut names: Vec<&str> = on.map(|on| environments[on].name.as_str()).collect();
        names.push(environments[from].name.as_str());
        names.reverse();
        let message = format!("the environments form a cycle: {}", names.join(" -> "));
        self.key(format!("environments[{from}].after"), message, None);
    }
}

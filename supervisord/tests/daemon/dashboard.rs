//! The dashboard that is shipped: every expression in it is one, and asks for figures and labels that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::support::golden;
use crate::support::promtool;

fn dashboard() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/grafana/hotline.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn panels(dashboard: &Value) -> &Vec<Value> {
    dashboard["panels"].as_array().unwrap()
}

/// Expression, and what its curves are called; variables stand for something.
fn expressions(dashboard: &Value) -> Vec<(String, String)> {
    let filled = |text: &Value| {
        let text = text.as_str().unwrap();
        let text = text
            .replace("$__range", "30m")
            .replace("$node", ".*")
            .replace("$queue", ".*");
        assert!(!text.contains('$'), "an unknown variable: {text}");
        text
    };
    let mut found: Vec<(String, String)> = panels(dashboard)
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
        .map(|target| {
            let legend = target["legendFormat"].as_str().unwrap().to_owned();
            (filled(&target["expr"]), legend)
        })
        .collect();
    for annotation in dashboard["annotations"]["list"].as_array().unwrap() {
        found.push((filled(&annotation["expr"]), String::new()));
    }
    found
}

/// The figures that an expression asks for, each with the labels that it chooses by.
fn asked(expression: &str) -> Vec<(String, BTreeSet<String>)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = Vec::new();
    for prefix in ["hotline_", "hotline:", "ALERTS"] {
        for (at, _) in expression.match_indices(prefix) {
            if expression[..at].chars().next_back().is_some_and(is_name) {
                continue;
            }
            let end = expression[at..]
                .find(|c| !is_name(c))
                .map_or(expression.len(), |end| at + end);
            let chosen = expression[end..]
                .strip_prefix('{')
                .map_or("", |rest| rest.split('}').next().unwrap());
            let labels = chosen
                .split(',')
                .filter_map(|choice| Some(choice.split(['=', '!']).next()?.to_owned()))
                .filter(|label| !label.is_empty());
            found.push((expression[at..end].to_owned(), labels.collect()));
        }
    }
    found
}

/// The labels that `by (...)` keeps.
fn kept(expression: &str) -> BTreeSet<String> {
    expression
        .split("by (")
        .skip(1)
        .flat_map(|rest| rest.split(')').next().unwrap().split(','))
        .map(|label| label.trim().to_owned())
        .collect()
}

/// What there is, the rules' own figures among it, which are by node and queue.
fn there() -> BTreeMap<String, BTreeSet<String>> {
    let mut figures = golden::figures();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/prometheus/hotline.rules.yml");
    for line in std::fs::read_to_string(file).unwrap().lines() {
        if let Some(name) = line.trim().strip_prefix("- record: ") {
            figures.insert(name.to_owned(), ["node", "queue"].map(str::to_owned).into());
        }
    }
    figures
}

#[test]
fn panels_have_ids_of_their_own_and_do_not_overlap() {
    let dashboard = dashboard();
    let ids: BTreeSet<u64> = panels(&dashboard)
        .iter()
        .map(|panel| panel["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids.len(), panels(&dashboard).len());
    let mut taken = BTreeSet::new();
    for panel in panels(&dashboard) {
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{}", panel["title"]);
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{} lies over another", panel["title"]);
            }
        }
        if panel["type"] != "row" {
            assert!(
                !panel["description"].as_str().unwrap().is_empty(),
                "{}",
                panel["title"]
            );
        }
    }
}

#[test]
fn every_expression_asks_for_what_there_is() {
    let there = there();
    for (expression, legend) in expressions(&dashboard()) {
        let asked = asked(&expression);
        assert!(!asked.is_empty(), "{expression} asks for nothing of ours");
        let mut all = BTreeSet::new();
        for (name, labels) in asked {
            let known = there
                .get(&name)
                .unwrap_or_else(|| panic!("no figure is called {name}: {expression}"));
            assert!(labels.is_subset(known), "{name} has {known:?}: {expression}");
            all.extend(known.iter().cloned());
        }
        let kept = kept(&expression);
        assert!(kept.is_subset(&all), "there is no such label: {expression}");
        let named = legend
            .split("{{")
            .skip(1)
            .map(|rest| rest.split("}}").next().unwrap());
        for label in named {
            let left = if kept.is_empty() { &all } else { &kept };
            assert!(
                left.contains(label),
                "{legend}: {label} is not left by {expression}"
            );
        }
    }
}

#[test]
fn every_expression_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let rules: Vec<Value> = expressions(&dashboard())
        .into_iter()
        .enumerate()
        .map(|(n, (expr, _))| serde_json::json!({ "record": format!("panel:{n}"), "expr": expr }))
        .collect();
    // JSON is YAML.
    let file = serde_json::json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    std::fs::write(dir.path().join("dashboard.yml"), file.to_string()).unwrap();
    if let Some(output) = promtool::run(&["check", "rules", "dashboard.yml"], dir.path(), "") {
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "promtool: {said}");
    }
}

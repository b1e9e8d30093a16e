//! The board for Grafana, written from the table of its panels and from the metrics themselves.
//!
//! The form is Grafana's own (schema version 39, Grafana 10.4 and later): <https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/>.

use crate::panels::{Colours, LEFT_OUT, Look, Panel, SHELVES};
use crate::{families, in_repository, promtool, scrape, shape};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

const PATH: &str = "config/grafana/nauhuri.json";
/// Columns of a board, and rows of a panel.
const COLUMNS: u64 = 24;
const HEIGHT: u64 = 7;

/// As Grafana asks it.
fn in_grafana(expr: &str) -> String {
    expr.replace("$i", "instance=~\"$instance\"").replace("$r]", "$__rate_interval]")
}

/// As Prometheus is asked.
fn in_prometheus(expr: &str) -> String {
    expr.replace("$i", "instance=~\".*\"").replace("$r]", "5m]").replace("$__range]", "1h]")
}

fn panels() -> impl Iterator<Item = &'static Panel> {
    SHELVES.iter().flat_map(|shelf| shelf.panels)
}

fn expressions() -> impl Iterator<Item = &'static str> {
    panels().flat_map(|panel| panel.queries).map(|(expr, _)| *expr)
}

/// The metrics that a text names.
fn named(text: &str, known: &BTreeSet<&str>) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|w| w.starts_with("nauhuri_") || w.starts_with("process_"));
    let family = |word: &str| match word.strip_suffix("_bucket") {
        Some(family) if known.contains(family) => family.to_owned(),
        _ => word.to_owned(),
    };
    ours.map(family).collect()
}

/// What the panel's metrics mean, and which alerts watch the same.
fn description(panel: &Panel, helps: &BTreeMap<&str, &str>) -> String {
    let known = helps.keys().copied().collect();
    let mut names: Vec<String> = panel.queries.iter().flat_map(|(expr, _)| named(expr, &known)).collect();
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let mut text: String =
        names.iter().map(|name| format!("- `{name}`: {}\n", helps[name.as_str()])).collect();
    if !panel.alerts.is_empty() {
        let _ = writeln!(text, "\nAlerts: {}", panel.alerts.join(", "));
    }
    text
}

fn steps(colours: Colours) -> Value {
    let step = |value: Option<f64>, colour: &str| json!({ "color": colour, "value": value });
    match colours {
        Colours::None => json!([step(None, "blue")]),
        Colours::GreenAt(at) => {
            // Percentages of whole calls: what is off by one in a million is off.
            json!([step(None, "red"), step(Some(at - 1e-6), "green"), step(Some(at + 1e-6), "red")])
        }
        Colours::RedFrom(from) => json!([step(None, "green"), step(Some(from), "red")]),
        Colours::GreenAbove(yellow, green) => {
            json!([step(None, "red"), step(Some(yellow), "yellow"), step(Some(green), "green")])
        }
    }
}

/// Kind, options and defaults of the fields that go with a look.
fn look(panel: &Panel) -> (&'static str, Value, Value) {
    let now = json!({ "calcs": ["lastNotNull"], "fields": "", "values": false });
    let curve = |stacking: &str, fill: u64| {
        json!({ "lineWidth": 1, "fillOpacity": fill, "showPoints": "never", "spanNulls": false,
                "stacking": { "mode": stacking, "group": "A" } })
    };
    let legend = json!({
        "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true },
        "tooltip": { "mode": "multi", "sort": "desc" },
    });
    match panel.look {
        Look::Gauge => ("gauge", json!({ "reduceOptions": now, "showThresholdMarkers": true }), Value::Null),
        Look::Stat => {
            let options = json!({ "reduceOptions": now, "colorMode": "value", "graphMode": "none", "textMode": "auto" });
            ("stat", options, Value::Null)
        }
        Look::Curves => ("timeseries", legend, curve("none", 0)),
        Look::Stacked => ("timeseries", legend, curve("normal", 30)),
        Look::Bars => {
            let options = json!({ "reduceOptions": now, "displayMode": "basic", "orientation": "horizontal", "showUnfilled": true });
            ("bargauge", options, Value::Null)
        }
        Look::Table => ("table", json!({ "showHeader": true, "cellHeight": "sm" }), Value::Null),
    }
}

fn panel_json(panel: &Panel, id: u64, at: (u64, u64), helps: &BTreeMap<&str, &str>) -> Value {
    let source = json!({ "type": "prometheus", "uid": "${datasource}" });
    let (kind, options, custom) = look(panel);
    let is_table = panel.look == Look::Table;
    let is_curve = matches!(panel.look, Look::Curves | Look::Stacked);
    let targets: Vec<Value> = panel
        .queries
        .iter()
        .zip('A'..)
        .map(|((expr, legend), id)| {
            let legend = if legend.is_empty() { "__auto" } else { legend };
            json!({
                "refId": id.to_string(), "datasource": source, "expr": in_grafana(expr), "legendFormat": legend,
                "instant": !is_curve, "range": is_curve, "format": if is_table { "table" } else { "time_series" },
            })
        })
        .collect();
    let mut defaults = json!({
        "unit": panel.unit, "noValue": "none",
        "color": { "mode": if is_curve { "palette-classic" } else { "thresholds" } },
        "thresholds": { "mode": "absolute", "steps": steps(panel.colours) },
    });
    if !custom.is_null() {
        defaults["custom"] = custom;
    }
    if panel.look == Look::Gauge {
        (defaults["min"], defaults["max"]) = (json!(0), json!(100));
        defaults["decimals"] = json!(2);
        defaults["noValue"] = json!("no call yet");
    }
    let mut out = json!({
        "id": id, "type": kind, "title": panel.title, "description": description(panel, helps),
        "datasource": source,
        "gridPos": { "x": at.0, "y": at.1, "w": panel.width, "h": HEIGHT },
        "fieldConfig": { "defaults": defaults, "overrides": [] },
        "options": options, "targets": targets,
    });
    if is_table {
        let hidden = json!({ "excludeByName": { "Time": true } });
        let organize = json!({ "id": "organize", "options": hidden });
        out["transformations"] = match panel.queries.len() {
            1 => json!([organize]),
            _ => json!([{ "id": "merge", "options": {} }, organize]),
        };
    }
    out
}

fn board(golden: &str) -> String {
    let helps: BTreeMap<&str, &str> =
        golden.lines().filter_map(|l| l.strip_prefix("# HELP ")?.split_once(' ')).collect();
    let (mut all, mut y) = (Vec::new(), 0);
    for shelf in SHELVES {
        all.push(json!({
            "id": all.len() + 1, "type": "row", "title": shelf.title, "collapsed": false, "panels": [],
            "gridPos": { "x": 0, "y": y, "w": COLUMNS, "h": 1 },
        }));
        y += 1;
        let mut x = 0;
        for panel in shelf.panels {
            if x + panel.width > COLUMNS {
                (x, y) = (0, y + HEIGHT);
            }
            all.push(panel_json(panel, all.len() as u64 + 1, (x, y), &helps));
            x += panel.width;
        }
        y += HEIGHT;
    }
    let source = json!({
        "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus",
        "current": {}, "hide": 0, "refresh": 1, "regex": "", "options": [], "multi": false, "includeAll": false,
    });
    let query = "label_values(nauhuri_build_info, instance)";
    let instance = json!({
        "name": "instance", "label": "Recorder", "type": "query",
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "query": { "query": query, "refId": "instance" },
        "current": { "text": ["All"], "value": ["$__all"] }, "allValue": ".*", "includeAll": true, "multi": true,
        "hide": 0, "refresh": 2, "regex": "", "sort": 1, "options": [],
    });
    let made = json!({
        "uid": "nauhuri", "title": "nauhuri: call recorder", "tags": ["nauhuri"],
        "description": "Made from the recorder's metrics. Rules for the alerts: config/prometheus/nauhuri.rules.yml",
        "schemaVersion": 39, "version": 1, "editable": true, "graphTooltip": 1, "fiscalYearStartMonth": 0,
        "timezone": "browser", "refresh": "30s", "time": { "from": "now-24h", "to": "now" }, "timepicker": {},
        "annotations": { "list": [] }, "links": [], "templating": { "list": [source, instance] }, "panels": all,
    });
    serde_json::to_string_pretty(&made).expect("a board") + "\n"
}

#[test]
fn the_board_is_made_from_the_metrics() {
    let made = board(&shape(&scrape()));
    if std::env::var_os(crate::BLESS).is_some() {
        fs::write(in_repository(PATH), &made).expect("the board");
    }
    let found = fs::read_to_string(in_repository(PATH)).unwrap_or_default();
    assert!(made == found, "{PATH} is not of this program: {}=1 cargo test --test metrics", crate::BLESS);
}

#[test]
fn the_board_names_every_metric_and_no_other() {
    let body = scrape();
    let known: BTreeSet<&str> = families(&body).into_iter().map(|(name, _)| name).collect();
    let used: BTreeSet<String> = expressions().flat_map(|expr| named(expr, &known)).collect();
    for name in &used {
        assert!(known.contains(name.as_str()), "{name} is on the board and not exported");
    }
    for name in known {
        let why = LEFT_OUT.iter().find(|(left, _)| *left == name).map(|(_, why)| *why);
        assert!(used.contains(name) != why.is_some(), "{name}: on a panel, or left out with a reason");
        assert!(why.is_none_or(|why| why.len() > 15), "{name}");
    }
    assert!(LEFT_OUT.iter().all(|(name, _)| body.contains(&format!("# HELP {name} "))), "{LEFT_OUT:?}");
}

/// Who is called by an alert finds it on the board, and the other way round.
#[test]
fn board_and_alerts_agree() {
    let rules = fs::read_to_string(in_repository("config/prometheus/nauhuri.rules.yml")).expect("rules");
    let alerts: BTreeSet<&str> =
        rules.lines().filter_map(|l| l.trim_start().strip_prefix("- alert: ")).collect();
    let on_board: BTreeSet<&str> = panels().flat_map(|p| p.alerts.iter().copied()).collect();
    assert_eq!(alerts, on_board);
}

#[test]
fn panels_stand_beside_one_another() {
    for shelf in SHELVES {
        let mut x = 0;
        for panel in shelf.panels {
            assert!((3..=COLUMNS).contains(&panel.width) && !panel.queries.is_empty(), "{}", panel.title);
            x = if x + panel.width > COLUMNS { panel.width } else { x + panel.width };
        }
        assert_eq!(x, COLUMNS, "{}: the last line is not full", shelf.title);
    }
    let titles: BTreeSet<&str> = panels().map(|p| p.title).collect();
    assert_eq!(titles.len(), panels().count(), "two of one name");
}

/// Series of every metric as Prometheus would have scraped them: counters grow, gauges stand.
fn scraped(golden: &str, kinds: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for series in golden.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let name = series.split('{').next().unwrap_or(series);
        let kind = kinds.iter().find(|(family, _)| {
            name == *family
                || ["_bucket", "_sum", "_count"].iter().any(|s| name.strip_suffix(s) == Some(family))
        });
        let own = series.strip_prefix(name).unwrap_or("").trim_matches(['{', '}']);
        let labels =
            format!("{}{}instance=\"r\",job=\"nauhuri\"", own, if own.is_empty() { "" } else { "," });
        let values = match kind.map(|(_, kind)| *kind) {
            Some("gauge") => "1x120",
            _ => "0+5x120",
        };
        let _ = writeln!(out, "      - {{ series: '{name}{{{labels}}}', values: '{values}' }}");
    }
    let alert = "ALERTS{alertname=\"NauhuriDown\",alertstate=\"firing\",severity=\"page\",instance=\"r\"}";
    let _ = writeln!(out, "      - {{ series: '{alert}', values: '1x120' }}");
    out
}

/// Prometheus' own engine answers each question of the board with something, where there is something.
#[test]
fn prometheus_answers_every_question_of_the_board() {
    let body = scrape();
    let mut text = format!(
        "evaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n{}    promql_expr_test:\n",
        scraped(&shape(&body), &families(&body))
    );
    for expr in expressions() {
        let asked = in_prometheus(expr).replace('\'', "''");
        let _ = writeln!(
            text,
            "      - {{ expr: 'count({asked}) > bool 0', eval_time: 100m, exp_samples: [{{ labels: '{{}}', value: 1 }}] }}"
        );
    }
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("board.test.yml");
    fs::write(&path, text).expect("written");
    let said = promtool(&["test", "rules", &path.display().to_string()]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&[said.stdout, said.stderr].concat()));
}

/// The check above can fail.
#[test]
fn a_wrong_question_is_found() {
    assert_eq!(in_prometheus("rate(a{$i}[$r]) + b[$__range]"), "rate(a{instance=~\".*\"}[5m]) + b[1h]");
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("wrong.test.yml");
    let ask = |expr: &str| {
        let text = format!(
            "tests:\n  - interval: 1m\n    input_series: [{{ series: 'a{{x=\"1\"}}', values: '1x9' }}]\n    promql_expr_test:\n\
             \x20     - {{ expr: 'count({expr}) > bool 0', eval_time: 5m, exp_samples: [{{ labels: '{{}}', value: 1 }}] }}\n"
        );
        fs::write(&path, text).expect("written");
        promtool(&["test", "rules", &path.display().to_string()]).status.success()
    };
    assert_eq!(["a", "b", "sum by (x (a)", "rate(a)"].map(ask), [true, false, false, false]);
}

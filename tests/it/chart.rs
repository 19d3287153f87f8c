//! The chart beside the program: one version, and as few values as its page says.
//! Not here: rendering and schemas; `scripts/chart` does that.

use std::path::Path;

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

#[test]
fn the_chart_has_the_version_of_the_program() {
    let chart = read("deploy/chart/Chart.yaml");
    for key in ["version", "appVersion"] {
        let line = format!("{key}: {}", env!("CARGO_PKG_VERSION"));
        assert!(chart.lines().any(|it| it == line), "{line}");
    }
}

#[test]
fn a_first_deployment_needs_at_most_six_values_and_each_is_there() {
    let (page, values) = (read("deploy/chart/README.md"), read("deploy/chart/values.yaml"));
    let section = page.split("\n## A first deployment\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let named: Vec<_> = rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).collect();
    assert!((1..=6).contains(&named.len()), "{named:?}");
    for value in named {
        let (group, key) = value.split_once('.').unwrap();
        let group = values.split(&format!("\n{group}:\n")).nth(1).unwrap_or_else(|| panic!("{value}"));
        let group = group.split("\n\n").next().unwrap();
        assert!(group.lines().any(|line| line.trim().starts_with(&format!("{key}:"))), "{value}");
    }
}

#[test]
fn what_the_chart_takes_from_elsewhere_is_no_copy() {
    for (link, target) in [
        ("alerts.yaml", "../alerts.yaml"),
        ("dashboard.json", "../dashboard.json"),
        ("kubernetes.toml", "../../config/kubernetes.toml"),
    ] {
        let link = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/chart").join(link);
        assert_eq!(std::fs::read_link(&link).unwrap(), Path::new(target), "{}", link.display());
    }
}

//! Curves as SVG: a row of two for each panel, over a logarithmic axis.
//! Not here: where the values come from.

use std::fmt::Write;

/// Some figures over one subject that grows.
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) curves: Vec<Curve>,
}

/// A figure at some places of the subject's axis.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) values: Vec<(f64, f64)>,
}

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 150.0;
/// Room for the words around a curve.
const MARGIN: f64 = 40.0;

/// The panels, one below the other.
pub(crate) fn draw(panels: &[Panel]) -> String {
    let columns = panels.iter().map(|panel| panel.curves.len()).max().unwrap_or(0);
    let (width, height) = (columns as f64 * (WIDTH + MARGIN), panels.len() as f64 * (HEIGHT + 2.0 * MARGIN));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (row, panel) in panels.iter().enumerate() {
        for (column, curve) in panel.curves.iter().enumerate() {
            let (x, y) = (column as f64 * (WIDTH + MARGIN), row as f64 * (HEIGHT + 2.0 * MARGIN));
            writeln!(svg, "<g transform=\"translate({},{})\">{}</g>", x + MARGIN, y + MARGIN, one(panel, curve))
                .unwrap();
        }
    }
    svg + "</svg>\n"
}

fn one(panel: &Panel, curve: &Curve) -> String {
    let top = curve.values.iter().map(|(_, value)| *value).fold(1.0, f64::max) * 1.1;
    let places: Vec<f64> = curve.values.iter().map(|(at, _)| at.max(1.0).ln()).collect();
    let (first, last) = (places.first().copied().unwrap_or(0.0), places.last().copied().unwrap_or(1.0));
    let x = |place: f64| (place - first) / (last - first).max(f64::EPSILON) * (WIDTH - MARGIN);
    let y = |value: f64| HEIGHT - value / top * HEIGHT;
    let mut svg = format!(
        "<text y=\"-12\" font-weight=\"bold\">{}: {}</text><path d=\"M0 0V{HEIGHT}H{}\" fill=\"none\" stroke=\"grey\"/>",
        panel.title,
        curve.name,
        WIDTH - MARGIN
    );
    let mut line = String::new();
    for (place, (at, value)) in places.iter().zip(&curve.values) {
        let (x, y) = (x(*place), y(*value));
        line += &format!("{x:.1},{y:.1} ");
        svg += &format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"steelblue\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value:.0}</text>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"grey\">{}</text>",
            y - 7.0,
            HEIGHT + 14.0,
            short(*at)
        );
    }
    svg + &format!("<polyline points=\"{line}\" fill=\"none\" stroke=\"steelblue\"/>")
}

/// A place on an axis, short: 256, 4k, 1M.
fn short(at: f64) -> String {
    match at {
        at if at >= 1e6 => format!("{:.0}M", at / 1e6),
        at if at >= 1e3 => format!("{:.0}k", at / 1e3),
        at => format!("{at:.0}"),
    }
}

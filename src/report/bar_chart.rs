//! A chart of bars as SVG inside a page: black on white prints as it is seen, and no script draws it.

use super::escaping::escaped;
use crate::archive::small_cells::ShownCount;
use std::fmt::Write as _;

const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 200.0;
/// Room for the numbers beside the axis, above the bars and below them.
const LEFT: f64 = 60.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 26.0;
/// How high a bar is whose height is hidden.
const STUB: f64 = 14.0;
/// More bars than this have no numbers above them.
const NUMBERED: usize = 12;

/// Bars from left to right, each with its name. `id` is that of no other chart of the page; `title` says what it shows,
/// `hidden` what a hatched bar is.
pub(super) fn bars(id: &str, title: &str, hidden: &str, parts: &[(String, ShownCount)]) -> String {
    let most = parts.iter().filter_map(|(_, count)| count.count()).max().unwrap_or(0);
    let top = round_up(most);
    let (room, step) = (HEIGHT - TOP - BOTTOM, (WIDTH - LEFT) / parts.len().max(1) as f64);
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-title\">\n\
         <title id=\"{id}-title\">{}</title>\n\
         <pattern id=\"{id}-hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
         <rect width=\"1.5\" height=\"5\" fill=\"currentColor\"/></pattern>\n",
        escaped(title)
    );
    for part in 0..=2 {
        let y = TOP + room * f64::from(part) / 2.0;
        let value = top * (2 - part as u64) / 2;
        // A String takes everything, here and below.
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            LEFT - 6.0,
            y + 4.0
        );
    }
    for (i, (name, count)) in parts.iter().enumerate() {
        let (x, width) = (LEFT + step * (i as f64 + 0.14), step * 0.72);
        let middle = x + width / 2.0;
        let (height, fill, said) = match count.count() {
            Some(count) => (room * count as f64 / top as f64, "currentColor".to_owned(), count.to_string()),
            None => (STUB, format!("url(#{id}-hatch)"), hidden.to_owned()),
        };
        let y = TOP + room - height;
        let _ = write!(
            out,
            "<rect class=\"bar\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\">\
             <title>{}: {}</title></rect>",
            escaped(name),
            escaped(&said)
        );
        let above = match count.count() {
            Some(_) if parts.len() <= NUMBERED => said,
            Some(_) => String::new(),
            None => "*".to_owned(),
        };
        let _ = writeln!(
            out,
            "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{above}</text>\
             <text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            y - 5.0,
            HEIGHT - 8.0,
            escaped(name)
        );
    }
    out + "</svg>\n"
}

/// The next number with one digit that is not 0, even so that its half is whole.
fn round_up(most: u64) -> u64 {
    let step = 10_u64.pow(most.max(1).ilog10()).max(2);
    most.max(1).div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_at_a_round_number() {
        for (most, want) in [(0, 2), (1, 2), (7, 8), (10, 10), (11, 20), (95, 100), (1_234, 2_000)] {
            assert_eq!(round_up(most), want, "{most}");
        }
    }

    #[test]
    fn a_hidden_bar_has_a_height_of_its_own() {
        let parts = [("a<b".to_owned(), ShownCount::Count(9)), ("c".to_owned(), ShownCount::Hidden)];
        let svg = bars("x", "\"t\" & more", "hidden", &parts);
        assert!(svg.contains("height=\"14.0\" fill=\"url(#x-hatch)\""), "{svg}");
        assert!(svg.contains("a&lt;b: 9") && svg.contains("&quot;t&quot; &amp; more"), "{svg}");
    }
}

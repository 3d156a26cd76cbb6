//! The chart: how much better or worse than the alternative each line is. Readable on light and dark backgrounds.

use std::fmt::Write;

use crate::report::ratio;
use crate::row::Line;

const WIDTH: f64 = 960.0;
const LABELS: f64 = 470.0;
const FIGURES: f64 = 190.0;
const ROW: f64 = 38.0;
const TOP: f64 = 64.0;
/// The axis ranges from 16 times as bad as the alternative to 16 times as good.
const DOUBLINGS: f64 = 4.0;

/// The position of a score on the logarithmic axis: half and twice as good are equally far from the middle.
fn x(score: f64) -> f64 {
    let place = score.log2().clamp(-DOUBLINGS, DOUBLINGS);
    LABELS + (WIDTH - LABELS - FIGURES) * (place + DOUBLINGS) / (2.0 * DOUBLINGS)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Shortens texts that would overlap the bars.
fn short(text: &str) -> String {
    const SIGNS: usize = 72;
    if text.chars().count() <= SIGNS {
        return escape(text);
    }
    escape(&(text.chars().take(SIGNS - 1).collect::<String>() + "…"))
}

pub fn chart(head: &[(&'static str, String)], lines: &[Line]) -> String {
    let lines: Vec<(&Line, f64, f64)> = lines
        .iter()
        .filter_map(|line| Some((line, line.ratio()?, line.goal.better(line.ratio()?)?)))
        .collect();
    let bottom = TOP + ROW * lines.len() as f64;
    let height = bottom + 60.0;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" role="img">
<title>conv against what one would use instead: ratios</title>
<style>
  .ground {{ fill: #ffffff }} .text {{ fill: #1f2328 }} .faint {{ fill: #59636e }} .line {{ stroke: #d1d9e0 }} .same {{ stroke: #1f2328 }}
  .better {{ fill: #2da44e }} .worse {{ fill: #bc4c00 }}
  @media (prefers-color-scheme: dark) {{
    .ground {{ fill: #0d1117 }} .text {{ fill: #e6edf3 }} .faint {{ fill: #9198a1 }} .line {{ stroke: #3d444d }} .same {{ stroke: #e6edf3 }}
    .better {{ fill: #3fb950 }} .worse {{ fill: #db6d28 }}
  }}
</style>
<rect class="ground" width="100%" height="100%" rx="6"/>
<text class="text" x="16" y="28" font-size="16" font-weight="600">conv against what one would use instead</text>
"##
    );
    let mut add = |text: String| {
        svg.push_str(&text);
        svg.push('\n');
    };
    for (score, name) in [
        (1.0 / 16.0, "1/16"),
        (0.25, "1/4"),
        (1.0, "same"),
        (4.0, "4×"),
        (16.0, "16×"),
    ] {
        let (x, same) = (x(score), score == 1.0);
        let (class, weight) = if same { ("same", "1.5") } else { ("line", "1") };
        add(format!(
            r#"<line class="{class}" stroke-width="{weight}" x1="{x:.1}" y1="{:.1}" x2="{x:.1}" y2="{bottom:.1}"/><text class="faint" x="{x:.1}" y="{:.1}" font-size="12" text-anchor="middle">{name}</text>"#,
            TOP - 6.0,
            TOP - 12.0
        ));
    }
    for (number, (line, value, score)) in lines.iter().enumerate() {
        let y = TOP + ROW * number as f64;
        let (from, to) = (x(1.0).min(x(*score)), x(1.0).max(x(*score)));
        let class = if *score >= 1.0 { "better" } else { "worse" };
        let mut row = String::new();
        // Writing to a string cannot fail.
        let _ = write!(
            row,
            r#"<text class="text" x="16" y="{:.1}" font-size="13">{}</text><text class="faint" x="16" y="{:.1}" font-size="11">against {}</text>"#,
            y + 15.0,
            short(&line.what),
            y + 29.0,
            short(&line.against)
        );
        let _ = write!(
            row,
            r#"<rect class="{class}" x="{from:.1}" y="{:.1}" width="{:.1}" height="16" rx="2"/><text class="text" x="{:.1}" y="{:.1}" font-size="12">{}</text>"#,
            y + 10.0,
            (to - from).max(2.0),
            WIDTH - FIGURES + 14.0,
            y + 23.0,
            ratio(*value),
        );
        add(row);
    }
    let about: Vec<&str> = ["machine", "server", "data"]
        .iter()
        .filter_map(|wanted| head.iter().find(|(name, _)| name == wanted))
        .map(|(_, value)| value.as_str())
        .collect();
    for (number, text) in [
        "Figures are ratios of conv to the alternative. Bars to the right of the line are better."
            .to_string(),
        about.join(" · "),
    ]
    .iter()
    .enumerate()
    {
        add(format!(
            r#"<text class="faint" x="16" y="{:.1}" font-size="11">{}</text>"#,
            bottom + 26.0 + 16.0 * number as f64,
            escape(text)
        ));
    }
    svg + "</svg>\n"
}

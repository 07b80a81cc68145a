// Line plots with error bars or bands as SVG, by Observable Plot in a document without a browser. The text is a file of
// its own: xmlns, a white ground (readable on dark pages), colours for the colour-blind (Okabe and Ito 2008) with a marker
// each, and the same bytes for the same input.

import {
  areaY,
  axisX,
  axisY,
  dot,
  frame,
  gridX,
  gridY,
  lineY,
  type Markish,
  plot,
  ruleX,
  text,
} from "@observablehq/plot";
import { parseHTML } from "linkedom";

/** A value with its spread, such as mean ± standard deviation. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

/** A line. Series of one name have one colour and marker in all panels. */
export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** The panel it lies in, where there are several. */
  readonly panel?: string;
  readonly dashed?: boolean;
}

export interface Axis {
  readonly label: string;
  readonly log?: boolean;
  /** A scale of square roots: spreads small counts out, zero included. */
  readonly sqrt?: boolean;
  /** Default: what the values span. */
  readonly domain?: readonly [number, number];
  /** Default: chosen to fit. */
  readonly ticks?: readonly number[];
}

export interface LinePlot {
  readonly title: string;
  readonly subtitle?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** How low and high are drawn (default bars). */
  readonly spread?: "bars" | "band";
  /** Panels beside each other (default 3). */
  readonly columns?: number;
  /** Size of a panel in pixels; default 640 × 360, or 280 × 240 where there are several. */
  readonly width?: number;
  readonly height?: number;
}

/** A point with all that the marks read. */
type Datum = Point & { readonly fx: number; readonly fy: number };

/** How a series is drawn. */
interface Style {
  readonly name: string;
  readonly colour: string;
  readonly symbol: "circle" | "square" | "triangle" | "diamond" | "star" | "cross" | "wye";
  readonly dash: string;
}

const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"] as const;
const SYMBOLS = ["circle", "square", "triangle", "diamond", "star", "cross", "wye"] as const;
const INK = "#24292f", FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif";
/** Pixels: text, a letter of it on average, the edge, a row of the legend, room left of and under the panels. */
const FONT_SIZE = 12, LETTER = 7.2, EDGE = 12, LEGEND_ROW = 20, LEFT = 64, BOTTOM = 56;
const STYLE = { fontFamily: FONT, fontSize: `${FONT_SIZE}px`, color: INK, background: "white" };
/** Markers on a line of many points. */
const MARKERS = 12;

const distinct = (values: readonly string[]): string[] => [...new Set(values)];

function stylesOf(series: readonly Series[]): Style[] {
  return distinct(series.map(({ name }) => name)).map((name, i) => {
    const dashed = series.some((one) => one.name === name && one.dashed === true) || i >= COLOURS.length;
    return {
      name,
      colour: COLOURS[i % COLOURS.length] as string,
      symbol: SYMBOLS[i % SYMBOLS.length] as Style["symbol"],
      dash: dashed ? "5 4" : "none",
    };
  });
}

/** What the values span; on a logarithmic axis the positive ones. */
function domainOf(axis: Axis, values: readonly number[]): readonly [number, number] {
  if (axis.domain !== undefined) return axis.domain;
  const shown = values.filter((v) => Number.isFinite(v) && (axis.log !== true || v > 0));
  if (shown.length === 0) return axis.log ? [0.1, 1] : [0, 1];
  const low = Math.min(...shown), high = Math.max(...shown);
  if (axis.log) return low === high ? [low / 2, high * 2] : [low / 1.15, high * 1.15];
  const room = (high - low || Math.abs(high) || 1) * 0.04;
  return axis.sqrt && low >= 0 ? [Math.max(0, low - room), high + room] : [low - room, high + room];
}

/** Powers of ten, with 2 and 5 between where there are few. */
function logTicks([low, high]: readonly [number, number]): number[] {
  const decades = Math.log10(high / low), between = decades > 2.5 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 5];
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  const step = Math.max(1, Math.ceil(decades / 8));
  const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i).filter((power) => power % step === 0);
  return powers.flatMap((power) => between.map((v) => Number(`${v}e${power}`))).filter((v) => v >= low && v <= high);
}

/** 0.01, 250, 1e-5. */
const shown = (value: number): string =>
  value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5)
    ? value.toExponential().replace("e+", "e")
    : String(Number(value.toPrecision(12)));

/** Every point of a short line, some of a long one. */
function marked(data: readonly Datum[]): readonly Datum[] {
  const every = Math.max(1, Math.ceil(data.length / MARKERS));
  return data.length <= 2 * MARKERS ? data : data.filter((_, i) => i % every === 0);
}

function marksOf(data: readonly Datum[], style: Style, spread: "bars" | "band", faceted: boolean): Markish[] {
  const { colour, symbol, dash } = style;
  const facets = faceted ? { fx: "fx", fy: "fy" } : {};
  const spreads = data.filter(({ low, high }) => low !== undefined && high !== undefined);
  const where = { x: "x", ...facets };
  return [
    ...(spreads.length === 0
      ? []
      : spread === "band"
      ? [areaY(spreads, { ...where, y1: "low", y2: "high", fill: colour, fillOpacity: 0.16 })]
      : [ruleX(spreads, { ...where, y1: "low", y2: "high", stroke: colour, strokeOpacity: 0.7, strokeWidth: 1.5 })]),
    lineY(data, { ...where, y: "y", stroke: colour, strokeWidth: 1.6, strokeDasharray: dash }),
    dot(marked(data), { ...where, y: "y", r: 3.5, symbol, fill: colour, stroke: "white", strokeWidth: 0.6 }),
  ];
}

/** The panels, axes and lines. */
function chart(
  { x, y, series, spread = "bars", columns = 3, width, height }: LinePlot,
  styles: readonly Style[],
  document: Document,
): SVGSVGElement {
  const panels = distinct(series.map(({ panel = "" }) => panel)), faceted = panels.length > 1;
  const across = Math.min(columns, panels.length), down = Math.ceil(panels.length / across);
  const place = (panel: string): { readonly fx: number; readonly fy: number } => {
    const at = panels.indexOf(panel);
    return { fx: at % across, fy: Math.floor(at / across) };
  };
  const points = series.flatMap((one) => one.points);
  const xDomain = domainOf(x, points.map((p) => p.x));
  const yDomain = domainOf(y, points.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]));
  const within = (v: number): number => Math.min(Math.max(v, yDomain[0]), yDomain[1]);
  const dataOf = ({ points, panel = "" }: Series): Datum[] =>
    points.filter((p) => Number.isFinite(p.y) && (y.log !== true || p.y > 0)).map((p) => ({
      ...p,
      ...(p.low !== undefined && p.high !== undefined && { low: within(p.low), high: within(p.high) }),
      ...place(panel),
    }));
  const ticksOf = (axis: Axis, domain: readonly [number, number]): { readonly ticks?: number[] } =>
    axis.ticks !== undefined ? { ticks: [...axis.ticks] } : axis.log === true ? { ticks: logTicks(domain) } : {};
  const scaleOf = (axis: Axis, domain: readonly [number, number]) =>
    ({
      type: axis.log ? "log" : axis.sqrt ? "sqrt" : "linear",
      domain: [...domain],
      label: null,
      nice: false,
    }) as const;
  const xTicks = ticksOf(x, xDomain), yTicks = ticksOf(y, yDomain);
  const panelWidth = width ?? (faceted ? 280 : 640), panelHeight = height ?? (faceted ? 240 : 360);
  return plot({
    document,
    className: "plot",
    width: panelWidth * across + LEFT,
    height: panelHeight * down + BOTTOM,
    marginLeft: LEFT,
    marginBottom: 40,
    marginTop: faceted ? 22 : 8,
    marginRight: 14,
    style: STYLE,
    x: scaleOf(x, xDomain),
    y: scaleOf(y, yDomain),
    fx: { axis: null, padding: 0.09 },
    fy: { axis: null, padding: 0.16 },
    marks: [
      gridX({ ...xTicks, strokeOpacity: 0.1 }),
      gridY({ tickSpacing: 45, ...yTicks, strokeOpacity: 0.1 }),
      axisX({ ...xTicks, label: x.label, labelAnchor: "center", labelArrow: "none", tickFormat: shown }),
      axisY({
        tickSpacing: 45,
        ...yTicks,
        label: y.label,
        labelAnchor: "center",
        labelArrow: "none",
        tickFormat: shown,
      }),
      frame({ stroke: INK, strokeOpacity: 0.35 }),
      ...series.flatMap((one) => {
        const style = styles.find(({ name }) => name === one.name) as Style;
        return marksOf(dataOf(one), style, spread, faceted);
      }),
      ...(faceted
        ? [text(panels.map((panel) => ({ ...place(panel), panel })), {
          fx: "fx",
          fy: "fy",
          text: "panel",
          frameAnchor: "top",
          dy: -16,
          fontWeight: 600,
        })]
        : []),
    ],
  }) as SVGSVGElement;
}

/** Places of the legend's entries, broken into rows. */
function legendPlaces(styles: readonly Style[], width: number): { readonly x: number; readonly y: number }[] {
  let x = 0, y = 0;
  return styles.map(({ name }) => {
    const size = 46 + name.length * LETTER;
    if (x > 0 && x + size > width) [x, y] = [0, y + LEGEND_ROW];
    const place = { x, y };
    x += size;
    return place;
  });
}

function legend(styles: readonly Style[], width: number, document: Document): SVGSVGElement {
  const places = legendPlaces(styles, width);
  const height = (places.at(-1)?.y ?? 0) + LEGEND_ROW;
  const middle = LEGEND_ROW / 2;
  return plot({
    document,
    className: "legend",
    width,
    height,
    margin: 0,
    axis: null,
    style: STYLE,
    x: { type: "linear", domain: [0, width], range: [0, width] },
    y: { type: "linear", domain: [0, height], range: [0, height] },
    marks: styles.flatMap(({ name, colour, symbol, dash }, i) => {
      const { x, y } = places[i] as { x: number; y: number };
      const at = { x: x + 14, y: y + middle }, xy = { x: "x", y: "y" }, line = { stroke: colour, strokeWidth: 1.6 };
      return [
        lineY([{ x, y: at.y }, { x: x + 28, y: at.y }], { ...xy, ...line, strokeDasharray: dash }),
        dot([at], { ...xy, r: 3.5, symbol, fill: colour, stroke: "white", strokeWidth: 0.6 }),
        text([{ x: x + 34, y: at.y, name }], { ...xy, text: "name", textAnchor: "start" }),
      ];
    }),
  }) as SVGSVGElement;
}

/** A plot of lines as the text of an SVG file. */
export function linePlot(asked: LinePlot): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const make = (name: string, attributes: Record<string, string | number>, content = ""): SVGElement => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name) as SVGElement;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    if (content !== "") element.textContent = content;
    return element;
  };
  const styles = stylesOf(asked.series);
  const body = chart(asked, styles, document);
  const width = Number(body.getAttribute("width"));
  const key = legend(styles, width - LEFT, document);
  const lines = asked.subtitle === undefined ? 1 : 2, top = EDGE + 22 * lines;
  const keyHeight = Number(key.getAttribute("height")), under = top + keyHeight + 6;
  const size = { width: width + 2 * EDGE, height: under + Number(body.getAttribute("height")) + EDGE };
  const whole = make("svg", {
    xmlns: "http://www.w3.org/2000/svg",
    ...size,
    viewBox: `0 0 ${size.width} ${size.height}`,
  });
  const title = { x: EDGE + LEFT, fill: INK, "font-family": FONT };
  whole.append(
    make("title", {}, asked.title),
    make("rect", { ...size, fill: "white" }),
    make("text", { ...title, y: EDGE + 15, "font-size": 16, "font-weight": 600 }, asked.title),
  );
  if (asked.subtitle !== undefined) {
    whole.append(make("text", { ...title, y: EDGE + 36, "font-size": 12.5, "fill-opacity": 0.8 }, asked.subtitle));
  }
  for (const [part, x, y] of [[key, EDGE + LEFT, top], [body, EDGE, under]] as const) {
    part.setAttribute("x", String(x));
    part.setAttribute("y", String(y));
    // Plot's style sheet is for a plot within a page: its `height: auto` would move a nested one.
    part.querySelector("style")?.remove();
    whole.append(part);
  }
  return `${whole.outerHTML}\n`;
}

import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';

import type { RushFigures } from './rush-store.js';

/** The figures at one instant; `atSeconds` counts from the chart's beginning. */
export interface ChartSample extends RushFigures {
  readonly atSeconds: number;
}

const HEIGHT = 220;
const SERIES = [
  { key: 'available', label: 'Available', color: '--available', dash: [] },
  { key: 'locked', label: 'Locked', color: '--locked', dash: [6, 3] },
  { key: 'sold', label: 'Sold', color: '--sold', dash: [2, 3] },
] as const;
const DARK = '(prefers-color-scheme: dark)';

/** How the tickets of a category move. What it shows stands in numbers beside it. */
export function AvailabilityChart({ samples }: { samples: readonly ChartSample[] }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<UPlot>();

  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const draw = () => {
      chart.current?.destroy();
      chart.current = new UPlot(optionsFor(element), dataOf(samples), element);
    };
    draw();
    const resized = new ResizeObserver(() => {
      chart.current?.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    resized.observe(element);
    // A canvas does not follow the style sheet by itself.
    const scheme = matchMedia(DARK);
    scheme.addEventListener('change', draw);
    return () => {
      resized.disconnect();
      scheme.removeEventListener('change', draw);
      chart.current?.destroy();
    };
  }, []);
  useEffect(() => {
    chart.current?.setData(dataOf(samples));
  }, [samples]);

  return (
    <figure class="chart">
      <figcaption>
        <ul class="legend">
          {SERIES.map(({ key, label }) => (
            <li key={key} class={key}>
              <span class="swatch" aria-hidden="true" />
              {label}
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={place} role="img" aria-label="Available, locked and sold tickets over time" />
    </figure>
  );
}

function optionsFor(element: HTMLElement): UPlot.Options {
  const style = getComputedStyle(element);
  const colorOf = (name: string) => style.getPropertyValue(name).trim();
  const axis: UPlot.Axis = {
    stroke: colorOf('--muted'),
    grid: { stroke: colorOf('--line'), width: 1 },
    ticks: { show: false },
    font: `12px ${style.fontFamily}`,
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false, range: (_chart, min, max) => [min, Math.max(min + 10, max)] } },
    axes: [
      {
        ...axis,
        size: 30,
        space: 64,
        values: (_chart, all) => all.map((seconds) => `${seconds} s`),
      },
      { ...axis, size: 44 },
    ],
    series: [
      {},
      ...SERIES.map(({ label, color, dash }) => ({
        label,
        stroke: colorOf(color),
        dash: [...dash],
        width: 2,
        points: { show: false },
      })),
    ],
  };
}

function dataOf(samples: readonly ChartSample[]): UPlot.AlignedData {
  return [
    samples.map(({ atSeconds }) => atSeconds),
    ...SERIES.map(({ key }) => samples.map((sample) => sample[key])),
  ] as UPlot.AlignedData;
}

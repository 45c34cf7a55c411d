/**
 * A board's table as Grafana's JSON, by Grafana's Foundation SDK. The data source is a variable, Prometheus
 * by default; the uids of data sources are fixed (`prometheus`, `tempo`), as provisioning has them.
 */

import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  ReduceDataOptionsBuilder,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableHide,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StatesBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as LinesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { marks } from './marks.ts';
import type { BoardSpec, Marks, PanelSpec, Thresholds } from './spec.ts';

/** Filled in by Grafana, not by us. */
const variable = (name: string): string => `\${${name}}`;

const prometheus = { type: 'prometheus', uid: variable('datasource') };
const tag = 'driftless';

export function buildBoard({ name, title, says, rows }: BoardSpec): Dashboard {
  const board = new DashboardBuilder(`Driftless: ${title}`)
    .uid(`driftless-${name}`)
    .description(says)
    .tags([tag])
    .timezone('browser')
    .time({ from: 'now-1h', to: 'now' })
    .refresh('10s')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder('Boards')
        .type(DashboardLinkType.Dashboards)
        .tags([tag])
        .asDropdown(true)
        .keepTime(true)
        .includeVars(true),
    );
  for (const one of variables()) board.withVariable(one);
  for (const mark of marks) board.annotation(annotation(mark));
  let id = 0;
  for (const [heading, panels] of Object.entries(rows)) {
    id += 1;
    board.withRow(new RowBuilder(heading).id(id));
    for (const panel of panels) {
      id += 1;
      board.withPanel(panelBuilder(panel).id(id));
    }
  }
  return board.build();
}

function variables() {
  const all = { text: 'All', value: '$__all' };
  const labels = (name: string, label: string, query: string) =>
    new QueryVariableBuilder(name)
      .label(label)
      .query(query)
      .datasource(prometheus)
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .multi(true)
      .includeAll(true)
      .allValue('.*')
      .current(all);
  return [
    new DatasourceVariableBuilder('datasource')
      .label('Data source')
      .type('prometheus')
      .current({ text: 'Prometheus', value: 'prometheus' }),
    labels('job', 'Kind of process', 'label_values(up, job)'),
    labels('instance', 'Process', 'label_values(up{job=~"$job"}, instance)'),
    labels('shard', 'Shard', 'label_values(replica_member, shard)'),
    new TextBoxVariableBuilder('docs')
      .description('Where docs/ is served, for links to runbooks')
      .defaultValue('/docs')
      .current({ text: '/docs', value: '/docs' })
      .hide(VariableHide.HideVariable),
  ];
}

function panelBuilder(spec: PanelSpec) {
  const builder = shapeOf(spec)
    .title(spec.title)
    .description(spec.says)
    .datasource(prometheus)
    .unit(spec.unit)
    .thresholds(thresholdsOf(spec.thresholds))
    .links(linksOf(spec));
  for (const [index, [legend, expression]] of Object.entries(spec.of).entries()) {
    const refId = String.fromCharCode('A'.charCodeAt(0) + index);
    builder.withTarget(new DataqueryBuilder().expr(expression).legendFormat(legend).refId(refId).range());
  }
  return builder;
}

function shapeOf({ as, thresholds }: PanelSpec) {
  if (as === 'number')
    return new StatBuilder()
      .span(6)
      .height(4)
      .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
  if (as === 'states') return new StatesBuilder().span(12).height(8);
  const mode = thresholds === 'any is right' ? GraphThresholdsStyleMode.Off : GraphThresholdsStyleMode.Dashed;
  return new LinesBuilder()
    .span(12)
    .height(8)
    .fillOpacity(8)
    .axisSoftMin(0)
    .legend(new VizLegendOptionsBuilder().showLegend(true).displayMode(LegendDisplayMode.List))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(mode));
}

function thresholdsOf(thresholds: Thresholds): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(stepsOf(thresholds));
}

function stepsOf(thresholds: Thresholds): Threshold[] {
  const from = (color: string, value: number | null): Threshold => ({ color, value });
  if (thresholds === 'any is right') return [from('blue', null)];
  const [warning, critical, below] = thresholds;
  if (below) return [from('red', null), from('yellow', critical), from('green', warning)];
  return [from('green', null), from('yellow', warning), from('red', critical)];
}

function linksOf({ alerts = [], traces }: PanelSpec): DashboardLinkBuilder[] {
  const link = (title: string, url: string) =>
    new DashboardLinkBuilder(title).type(DashboardLinkType.Link).url(url).targetBlank(true);
  const pages = alerts.map((alert) => link(`Runbook: ${alert}`, `${variable('docs')}/runbooks/${alert}.md`));
  return traces === undefined ? pages : [...pages, link(`Traces of ${traces}`, exploreTraces(traces))];
}

/** Grafana's search for traces, over the time that the board shows. */
function exploreTraces(service: string): string {
  const query = {
    refId: 'A',
    datasource: { type: 'tempo', uid: 'tempo' },
    queryType: 'traceql',
    query: `{resource.service.name="${service}"}`,
  };
  // Grafana fills in the times, so these two must not be encoded.
  const range = { from: 'FROM', to: 'TO' };
  const panes = encodeURIComponent(
    JSON.stringify({ traces: { datasource: 'tempo', queries: [query], range } }),
  );
  const filled = panes.replace('FROM', variable('__from')).replace('TO', variable('__to'));
  return `/explore?schemaVersion=1&orgId=1&panes=${filled}`;
}

function annotation({ title, expression, text, color }: Marks): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(title)
    .datasource(prometheus)
    .enable(true)
    .iconColor(color)
    .expr(expression)
    .step('5s')
    .titleFormat(title)
    .textFormat(text);
}

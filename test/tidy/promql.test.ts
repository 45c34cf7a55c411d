import { expect, it } from 'vitest';
import { metricsIn, withoutSuffix } from './promql.ts';

it.each([
  ['up{job="store-node"} == 0', ['up']],
  ['sum by (job, le) (rate(a_seconds_bucket{le="0.5", route!~"/x|/y"}[5m] offset 5m))', ['a_seconds_bucket']],
  ['a_total unless b:c:rate5m offset 10m or absent(up{job="x"})', ['a_total', 'b:c:rate5m', 'up']],
  ['a > bool 1 and on (instance) time() - b > 14.4 * 0.001', ['a', 'b']],
  ['a{x="}"} / ignoring(node) group_left (c) b{x=~"1(\\\\.0)?"}', ['a', 'b']],
  ['label_replace(rate(a[$__rate_interval]), "x", "$1", "y", "(.*)")', ['a']],
])('the metrics of %s', (expression, metrics) => {
  expect(metricsIn(expression)).toEqual(metrics);
});

it('a series of a histogram belongs to it', () => {
  expect(['a_bucket', 'a_count', 'a_sum', 'a_total'].map(withoutSuffix)).toEqual(['a', 'a', 'a', 'a_total']);
});

/** What the chart is tried with, pinned: helm, and what holds the schemas of the objects. */
import type { GoTool } from '@driftless/cli';

export const helmTool: GoTool = {
  name: 'helm',
  module: 'helm.sh/helm/v4',
  folder: 'cmd/helm',
  version: '4.3.1',
};

export const kubernetesVersion = '1.36.3';
export const istioApiVersion = '1.31.1';
export const prometheusOperatorVersion = '0.93.0';

/** A part of Kubernetes. The libraries that it has beside itself have versions that begin with 0. */
export function kubernetesTool(name: string): GoTool {
  const besides = kubernetesVersion.replace(/^1\./, '0.');
  return { name, module: 'k8s.io/kubernetes', folder: `cmd/${name}`, version: kubernetesVersion, besides };
}

export const etcdTool: GoTool = {
  name: 'etcd',
  module: 'go.etcd.io/etcd/server/v3',
  folder: '',
  version: '3.7.3',
  besides: '3.7.3',
};

// Checks resources of the Gateway API, of the Prometheus operator, of Flux and of Argo CD against the models of their
// schemas: models.mjs FOLDER <resources.json. FOLDER holds node_modules. Prints one line for each fault; exits with 1 when
// there is one.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const packages = {
  "argoproj.io": "argo-cd",
  "gateway.networking.k8s.io": "gateway-api",
  "monitoring.coreos.com": "prometheus-operator",
  "helm.toolkit.fluxcd.io": "flux-cd",
  "source.toolkit.fluxcd.io": "flux-cd",
  "kustomize.toolkit.fluxcd.io": "flux-cd",
};

const models = join(process.argv[2], "node_modules", "@kubernetes-models");
let faults = 0;
for (const resource of JSON.parse(readFileSync(0, "utf8"))) {
  const [group, version] = resource.apiVersion.split("/");
  const name = `${resource.kind} ${resource.metadata?.name}`;
  try {
    const path = join(models, packages[group], group, version, `${resource.kind}.js`);
    const { [resource.kind]: Model } = await import(pathToFileURL(path));
    new Model(resource).validate();
  } catch (error) {
    faults += 1;
    console.log(`${name}: ${error.message}`);
  }
}
process.exit(faults ? 1 : 0);

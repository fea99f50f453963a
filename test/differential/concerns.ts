import type { Catalog, Registered } from './generator.ts';
import { NODE } from './arena.ts';

/** The labels and instances that something concerns. */
export interface Concerns {
  readonly labels: ReadonlySet<string>;
  /** As our source names them. */
  readonly instances: ReadonlySet<string>;
}

/** The name that Traefik gives the router and service of an instance that declares none. */
export function implicitName(service: string): string {
  return service.replace(/[^A-Za-z0-9]+/g, '-');
}

/** Everything behind routers (in lower case): their labels, the middlewares and services that they name, and the instances that declare those. */
export function concernedBy({ instances }: Catalog, routers: ReadonlySet<string>): Concerns {
  const labels = new Set<string>();
  const concerned = new Set<Registered>();
  const todo = [...routers].map((name) => `routers.${name}`);
  const seen = new Set(todo);
  const add = (item: string): void => {
    if (seen.has(item)) return;
    seen.add(item);
    todo.push(item);
  };
  for (let item = todo.pop(); item !== undefined; item = todo.pop()) {
    const prefix = `traefik.http.${item}.`;
    for (const instance of instances) {
      const own = instance.tags.filter((tag) => tag.toLowerCase().startsWith(prefix));
      const isImplicit = item.endsWith(`.${implicitName(instance.service).toLowerCase()}`);
      if (own.length === 0 && !isImplicit) continue;
      concerned.add(instance);
      for (const label of own) {
        labels.add(label);
        for (const named of namedIn(label.slice(prefix.length))) add(named);
      }
      if (item.startsWith('routers.')) for (const service of servicesOf(instance)) add(service);
    }
  }
  const others = instances.filter(({ service }) => [...concerned].some((one) => one.service === service));
  return { labels, instances: new Set([...concerned, ...others].map(({ id }) => `${NODE}/${id}`)) };
}

/** What a label refers to. */
function namedIn(text: string): readonly string[] {
  const [, key = '', value = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  const names = value.split(',').map((name) => name.trim().replace(/@.*/, '').toLowerCase());
  if (/(^|\.)middlewares$/i.test(key)) return names.map((name) => `middlewares.${name}`);
  return /(^|\.)service$/i.test(key) ? names.map((name) => `services.${name}`) : [];
}

function servicesOf({ service, tags }: Registered): readonly string[] {
  const declared = tags.flatMap((tag) => /^traefik\.http\.services\.([^.]+)\./i.exec(tag)?.[1]?.toLowerCase() ?? []);
  return [...new Set([...declared, implicitName(service).toLowerCase()])].map((name) => `services.${name}`);
}

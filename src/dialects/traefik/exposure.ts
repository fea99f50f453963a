import type { Label } from './labels.ts';
import type { TraefikSettings } from './context.ts';
import type { Tell } from './tell.ts';
import { parseBool } from './values.ts';

/** Whether the labels of an instance are to be read: `traefik.enable=true`, in any case, or no word of it where that is the default. */
export function isEnabled(labels: readonly Label[], { exposedByDefault }: TraefikSettings, tell: Tell): boolean {
  const [enable, ...others] = labels.filter(({ key }) => key === 'enable');
  const [first] = labels;
  if (!enable) {
    if (!exposedByDefault && first)
      tell('TRAEFIK_NOT_ENABLED', 'The labels are not read: there is no `traefik.enable=true`', first.valueSpan);
    return exposedByDefault;
  }
  const other = others.find(({ value }) => value !== enable.value);
  if (other) {
    tell('TRAEFIK_NAME_TWICE', 'The labels are not read: `enable` has two values, expected one', other.valueSpan);
    return false;
  }
  const { value, valueSpan, blanks } = enable;
  // blanks around `=` hide the label from Traefik's own query
  if (/^true$/i.test(value) && !blanks.key && !blanks.value) return true;
  if (parseBool(value) === false) tell('TRAEFIK_NOT_ENABLED', 'The labels are not read: they are switched off', valueSpan);
  else tell('TRAEFIK_ENABLE_SPELLING', `"${value}" does not enable: expected exactly \`traefik.enable=true\``, valueSpan);
  return false;
}

/** A label that is switched on, among those of the providers; undefined where there is none. */
export function switchedOn(labels: readonly Label[], keys: readonly string[]): Label | undefined {
  return labels.find(({ key, value }) => keys.includes(key) && parseBool(value) === true);
}

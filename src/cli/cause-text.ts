import type { Cause, ServiceChange } from '../model/cause.ts';

const SIGNS = { added: '+', changed: '~', removed: '-' } as const;
/** So many services, and so many tags of each, stand in one line. */
const SHOWN = 3;

/** Why a generation was made, in one line: `~ web: +urlprefix-web.test/ -urlprefix-old.test/, + api`. */
export function causeText({ services, more, switched }: Cause): string {
  const named = services.slice(0, SHOWN).map(serviceText);
  const rest = services.length - named.length + more;
  const words = [...(switched ? ['other proxy'] : []), ...named, ...(rest > 0 ? [`${rest} more`] : [])];
  return words.length > 0 ? words.join(', ') : 'order of routes';
}

function serviceText(change: ServiceChange): string {
  const { service, kind, tagsAdded, tagsRemoved, tagsEnded = [], instancesAdded, instancesRemoved } = change;
  const name = `${SIGNS[kind]} ${service}`;
  if (kind === 'removed') return name;
  const tags = signed(tagsAdded, tagsRemoved);
  const parts = kind === 'added' || tags.length > 0 ? tags : signed(instancesAdded, instancesRemoved);
  const ended = tagsEnded.length === 0 ? [] : ['end of 503 for', ...tagsEnded.slice(0, SHOWN)];
  const words = [...parts, ...ended];
  if (words.length > 0) return `${name}: ${words.join(' ')}`;
  return kind === 'added' ? name : `${name}: options`;
}

function signed(added: readonly string[], removed: readonly string[]): readonly string[] {
  const all = [...added.map((text) => `+${text}`), ...removed.map((text) => `-${text}`)];
  return all.length > SHOWN ? [...all.slice(0, SHOWN), `(${all.length - SHOWN} more)`] : all;
}

/** Template actions of levant and nomad-pack. */
const ACTION = /\[\[[\s\S]*?\]\]/g;
/** Actions that stand for no value: control, comments, definitions. */
const CONTROL = /^\[\[-?\s*(?:if|else|end|range|with|define|template|block|\/\*|\$\w+\s*:?=)/;

/**
 * The text with its template actions replaced by as many characters that a parser passes over: blanks for control actions and actions
 * alone on a line, `x` for values. Offsets stay what they are.
 */
export function maskTemplates(text: string): string {
  return text.replaceAll(ACTION, (action: string, offset: number) => {
    const lineStart = text.lastIndexOf('\n', offset) + 1;
    const lineEnd = text.indexOf('\n', offset + action.length);
    const around = text.slice(lineStart, offset) + text.slice(offset + action.length, lineEnd < 0 ? undefined : lineEnd);
    const isBlank = CONTROL.test(action) || around.trim() === '';
    return action.replaceAll(/[^\r\n]/g, isBlank ? ' ' : 'x');
  });
}

/** Whether a text holds such actions at all. */
export function holdsTemplates(text: string): boolean {
  return text.search(ACTION) >= 0;
}

/** Whether a text holds actions that decide what of it counts. */
export function holdsControl(text: string): boolean {
  return (text.match(ACTION) ?? []).some((action) => CONTROL.test(action));
}

/** The header in which a command says of which state directory it wants the controller. */
export const STATE_DIR_HEADER = 'hind-proxy-state-dir';

/** A state directory, as a real path, as the header has it: paths may hold what headers may not. */
export function stateDirHeader(stateDir: string): string {
  return encodeURIComponent(stateDir);
}

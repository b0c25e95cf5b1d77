/**
 * Room in memory for what a call brings: a server makes all that it works on share a budget, others have no bounds but those of a
 * message. Layer: sync.
 */
export interface Room {
  /** Waits until there is room for a message of so many bytes, and for opening it; it is had until `done`. */
  message(bytes: number): Promise<void>;
  /** Waits until there is room for opening a message that is here into so many bytes; it is had until `done`. */
  open(bytes: number): Promise<void>;
  /** Gives back what the message before took. */
  done(): void;
}

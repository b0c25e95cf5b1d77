/**
 * Window definitions and their frames. Layer: sql.
 */
import type {Frame, FrameBound, Name, WindowDefinition} from '../ast.js';
import {ExpressionParser} from './expressions.js';
import {K} from './token.js';

export abstract class WindowParser extends ExpressionParser {
  /** Reads what stands between the parentheses of a window. */
  protected window(): WindowDefinition {
    const {from} = this;
    const base = this.atBase() ? this.takeName() : undefined;
    const partitionBy = this.accept(K.PARTITION) ? this.by() : [];
    const orderBy = this.orderBy();
    const frame = this.frame();
    return {kind: 'window', base, partitionBy, orderBy, frame, from, to: Math.max(this.previousTo, from)};
  }

  protected readonly namedWindow = (): {name: Name; definition: WindowDefinition} => {
    const name = this.name();
    this.expect(K.AS);
    return {name, definition: this.inParens(() => this.window())};
  };

  /** Reads BY and a list of expressions. */
  protected by() {
    this.expect(K.BY);
    return this.expressions();
  }

  /** Whether a window begins with the name of another: words that go on a window are no names here. */
  private atBase(): boolean {
    const {kind} = this;
    return kind !== K.PARTITION && kind !== K.RANGE && kind !== K.ROWS && kind !== K.GROUPS && this.atName();
  }

  private frame(): Frame | undefined {
    const {from} = this;
    let unit: Frame['unit'];
    if (this.accept(K.ROWS)) unit = 'rows';
    else if (this.accept(K.RANGE)) unit = 'range';
    else if (this.accept(K.GROUPS)) unit = 'groups';
    else return undefined;
    let start: FrameBound;
    let end: FrameBound = {kind: 'current row'};
    if (this.accept(K.BETWEEN)) {
      start = this.bound('unbounded preceding');
      this.expect(K.AND);
      end = this.bound('unbounded following');
    } else {
      start = this.bound('unbounded preceding');
    }
    if (
      (start.kind === 'following' && (end.kind === 'preceding' || end.kind === 'current row')) ||
      (start.kind === 'current row' && end.kind === 'preceding')
    ) {
      const span = {from, to: this.previousTo};
      this.refuse(
        'SQL_SYNTAX',
        'unsupported frame specification: it ends before it begins.',
        span,
        'Exchange its bounds.',
      );
    }
    return {unit, start, end, exclude: this.exclusion(), from, to: this.previousTo};
  }

  private bound(unbounded: 'unbounded preceding' | 'unbounded following'): FrameBound {
    if (this.accept(K.UNBOUNDED)) {
      this.expect(unbounded === 'unbounded preceding' ? K.PRECEDING : K.FOLLOWING);
      return {kind: unbounded};
    }
    if (this.accept(K.CURRENT)) {
      this.expect(K.ROW);
      return {kind: 'current row'};
    }
    const offset = this.operand(0);
    if (this.accept(K.PRECEDING)) return {kind: 'preceding', offset};
    this.expect(K.FOLLOWING);
    return {kind: 'following', offset};
  }

  private exclusion(): Frame['exclude'] {
    if (!this.accept(K.EXCLUDE)) return 'no others';
    if (this.accept(K.NO)) {
      this.expect(K.OTHERS);
      return 'no others';
    }
    if (this.accept(K.CURRENT)) {
      this.expect(K.ROW);
      return 'current row';
    }
    if (this.accept(K.GROUP)) return 'group';
    this.expect(K.TIES);
    return 'ties';
  }
}

package api

import (
	"context"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// dbPackage is msys.db. Its companion msys.datasource has no functions, but
// scripts require it.
func dbPackage() Package {
	params := []Param{
		{Name: "cache", Type: String},
		{Name: "query", Type: String},
		{Name: "params", Type: Table, Optional: true},
		{Name: "options", Type: Table, Optional: true},
	}
	const common = " Parameters are bound to ? by position, to :name and $name by name. The options are nocache, and raise_error = false, with which a failure is returned and not raised."
	return Package{
		Name: "msys.db",
		Doc:  "Queries to the datasources of the configuration. The calling session is suspended, others go on. A row is a table by column name; a NULL is absent; a column can also be read by its number.",
		Funcs: []Func{
			{
				Name: "query", Params: params, Returns: "iterator | nil, message", Phases: "any", Since: "3.0",
				Doc:     "Runs a query, and gives its rows one by one." + common,
				Example: `for row in msys.db.query("customers", "SELECT name FROM accounts WHERE age < ?", { 30 }) do print(row.name) end`,
				Do:      dbQuery,
			},
			{
				Name: "fetch_row", Params: params, Returns: "row | nil | nil, message", Phases: "any", Since: "3.0",
				Doc:     "Runs a query, and gives its first row, nil if there is none." + common,
				Example: `local row, err = msys.db.fetch_row("customers", "SELECT code FROM accounts WHERE name = ?", { name }, { raise_error = false })`,
				Do:      dbFetchRow,
			},
			{
				Name: "execute", Params: params, Returns: "true | false, message", Phases: "any", Since: "3.0",
				Doc:     "Runs a statement that has no result." + common,
				Example: `msys.db.execute("customers", "UPDATE accounts SET seen = 1 WHERE name = :n", { n = name })`,
				Do:      dbExecute,
			},
		},
	}
}

func datasourcePackage() Package {
	return Package{Name: "msys.datasource", Doc: "The companion of msys.db, which scripts require beside it. It has no functions."}
}

// ask runs the query that the arguments describe, once. Where it fails, the
// error is raised or, as the options want it, given back.
func ask(e *Env, L *lua.LState, execute bool) (*sdk.Rows, error) {
	q := &sdk.Query{Datasource: L.ToString(1), SQL: L.ToString(2), Execute: execute, Generation: e.World.Config().Generation}
	bind(e, L, q, L.Get(3))
	raise := true
	if options, ok := L.Get(4).(*lua.LTable); ok {
		q.NoCache = lua.LVAsBool(options.RawGetString("nocache"))
		raise = options.RawGetString("raise_error") != lua.LFalse
	}
	var rows *sdk.Rows
	var err error
	e.World.Wait(L, false, func(ctx context.Context) { rows, err = e.World.Host().Query(ctx, q) })
	if err != nil && raise {
		L.RaiseError("%s", err.Error())
	}
	if rows == nil {
		rows = &sdk.Rows{}
	}
	return rows, err
}

// bind takes the parameters: numeric keys are positions, others names, with
// which a sigil does no harm. A hole is a NULL; what the query does not use is
// ignored by the datasource (reference/lua-api-notes.md 49).
func bind(e *Env, L *lua.LState, q *sdk.Query, params lua.LValue) {
	t, ok := params.(*lua.LTable)
	if !ok {
		return
	}
	const most = 1000
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		switch k := k.(type) {
		case lua.LNumber:
			n := int(k)
			if float64(n) != float64(k) || n < 1 || n > most {
				L.RaiseError("a query parameter's number must be from 1 to %d", most)
			}
			for len(q.Positional) < n {
				q.Positional = append(q.Positional, sdk.Datum{})
			}
			q.Positional[n-1] = datumOf(e, L, v)
		case lua.LString:
			if q.Named == nil {
				q.Named = make(map[string]sdk.Datum)
			}
			q.Named[strings.TrimLeft(string(k), ":$")] = datumOf(e, L, v)
		}
	}
}

func datumOf(e *Env, L *lua.LState, v lua.LValue) sdk.Datum {
	switch v := v.(type) {
	case lua.LBool:
		d := sdk.Datum{Kind: sdk.DatumBool}
		if v {
			d.Int = 1
		}
		return d
	case lua.LNumber:
		n := float64(v)
		if n == math.Trunc(n) && math.Abs(n) <= exactInteger {
			return sdk.Datum{Kind: sdk.DatumInt, Int: int64(n)}
		}
		return sdk.Datum{Kind: sdk.DatumFloat, Float: n}
	case lua.LString:
		return sdk.Datum{Kind: sdk.DatumText, Text: string(v)}
	case *lua.LUserData:
		if L.GetMetaField(v, "__tostring") != lua.LNil {
			return sdk.Datum{Kind: sdk.DatumText, Text: Text(L, v)}
		}
	}
	L.RaiseError("a query parameter cannot be a %s", e.TypeName(v))
	return sdk.Datum{}
}

// rowSet makes the tables of a result's rows.
type rowSet struct {
	rows    *sdk.Rows
	ordinal *lua.LTable // metatable: row[1] is the first column
}

func newRowSet(L *lua.LState, rows *sdk.Rows) *rowSet {
	meta := L.CreateTable(0, 1)
	meta.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		row, _ := L.Get(1).(*lua.LTable)
		n, ok := L.Get(2).(lua.LNumber)
		if i := int(n); row != nil && ok && lua.LNumber(i) == n && i >= 1 && i <= len(rows.Columns) {
			L.Push(row.RawGetString(rows.Columns[i-1]))
			return 1
		}
		L.Push(lua.LNil)
		return 1
	}))
	return &rowSet{rows: rows, ordinal: meta}
}

// row is a plain table by column name. Numbers are found by the metatable, so
// that pairs and Dumper show each column once. A column without a name has its
// number only.
func (s *rowSet) row(L *lua.LState, i int) *lua.LTable {
	t := L.CreateTable(0, len(s.rows.Columns))
	for c, d := range s.rows.Rows[i] {
		switch {
		case d.Kind == sdk.DatumNull:
		case c >= len(s.rows.Columns) || s.rows.Columns[c] == "":
			t.RawSetInt(c+1, fromDatum(d))
		default:
			t.RawSetString(s.rows.Columns[c], fromDatum(d))
		}
	}
	t.Metatable = s.ordinal
	return t
}

func fromDatum(d sdk.Datum) lua.LValue {
	switch d.Kind {
	case sdk.DatumText:
		return lua.LString(d.Text)
	case sdk.DatumInt:
		return lua.LNumber(d.Int)
	case sdk.DatumFloat:
		return lua.LNumber(d.Float)
	case sdk.DatumBool:
		return lua.LBool(d.Int != 0)
	}
	return lua.LNil
}

func dbQuery(e *Env, L *lua.LState) int {
	rows, err := ask(e, L, false)
	if err != nil {
		return failure(L, err.Error())
	}
	set := newRowSet(L, rows)
	i := 0
	L.Push(L.NewFunction(func(L *lua.LState) int {
		if i >= len(rows.Rows) {
			L.Push(lua.LNil)
			return 1
		}
		e.World.Spend(L, 20*len(rows.Columns))
		L.Push(set.row(L, i))
		i++
		return 1
	}))
	return 1
}

func dbFetchRow(e *Env, L *lua.LState) int {
	rows, err := ask(e, L, false)
	switch {
	case err != nil:
		return failure(L, err.Error())
	case len(rows.Rows) == 0:
		L.Push(lua.LNil)
	default:
		L.Push(newRowSet(L, rows).row(L, 0))
	}
	return 1
}

func dbExecute(e *Env, L *lua.LState) int {
	if _, err := ask(e, L, true); err != nil {
		L.Push(lua.LFalse)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	L.Push(lua.LTrue)
	return 1
}

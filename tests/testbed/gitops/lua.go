package main

import (
	"context"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// runLua gives what the script returns for the global obj. As in Argo CD (util/lua/lua.go) it has the libraries
// package, base and table, of os only date and time, and a second.
func runLua(object map[string]any, script string) (any, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
		{lua.OsLibName, openClock},
	} {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return nil, err
		}
	}
	state.PreloadModule(lua.OsLibName, loadClock)
	limited, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limited)
	state.SetGlobal("obj", toLua(state, object))
	if err := state.DoString(script); err != nil {
		return nil, err
	}
	return fromLua(state.Get(-1))
}

func openClock(state *lua.LState) int {
	state.SetGlobal(lua.OsLibName, clock(state))
	return 0
}

func loadClock(state *lua.LState) int {
	state.Push(clock(state))
	return 1
}

// clock takes date and time out of the whole library, whose other functions are not for scripts.
func clock(state *lua.LState) *lua.LTable {
	whole := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer whole.Close()
	whole.Push(whole.NewFunction(lua.OpenOs))
	whole.Push(lua.LString(lua.OsLibName))
	whole.Call(1, 0)
	library := whole.GetGlobal(lua.OsLibName).(*lua.LTable)
	table := state.NewTable()
	for _, name := range []string{"date", "time"} {
		table.RawSetString(name, library.RawGetString(name))
	}
	return table
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch typed := value.(type) {
	case bool:
		return lua.LBool(typed)
	case float64:
		return lua.LNumber(typed)
	case int64:
		return lua.LNumber(typed)
	case string:
		return lua.LString(typed)
	case []any:
		table := state.NewTable()
		for _, each := range typed {
			table.Append(toLua(state, each))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, each := range typed {
			table.RawSetString(key, toLua(state, each))
		}
		return table
	}
	return lua.LNil
}

// fromLua makes a list of a table with numbers as keys, and of an empty one, as Argo CD's JSON library does.
func fromLua(value lua.LValue) (any, error) {
	switch typed := value.(type) {
	case lua.LBool:
		return bool(typed), nil
	case lua.LNumber:
		return float64(typed), nil
	case lua.LString:
		return string(typed), nil
	case *lua.LNilType:
		return nil, nil
	case *lua.LTable:
		return fromTable(typed)
	}
	return nil, fmt.Errorf("a script gave back a %s", value.Type())
}

func fromTable(table *lua.LTable) (any, error) {
	list, named := []any{}, map[string]any{}
	var failed error
	table.ForEach(func(key, each lua.LValue) {
		converted, err := fromLua(each)
		switch name := key.(type) {
		case lua.LString:
			named[string(name)] = converted
		case lua.LNumber:
			list = append(list, converted)
		default:
			err = fmt.Errorf("a table has a %s as key", key.Type())
		}
		if err != nil {
			failed = err
		}
	})
	if len(named) == 0 {
		return list, failed
	}
	if len(list) > 0 {
		return nil, fmt.Errorf("a table has both numbers and texts as keys")
	}
	return named, failed
}

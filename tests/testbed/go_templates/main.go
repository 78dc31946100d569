// What Go's own text/template makes of templates, with the functions and options of the operators that use it.
//
// Each line of standard input is a JSON object with "template", "delims" (two texts), "dot" (a map of texts, or
// a map whose values are under "field") and "mode": "sprig" as External Secrets has it by default, "bytes" as
// its engine v1, "any" as the Vault Secrets Operator, "plain" as ricoberger's operator. Each line of standard
// output is an object with "output" or "error", or "refused" where the template could not be parsed. Mode "names"
// gives the names of sprig's functions instead.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"
)

type question struct {
	Template string         `json:"template"`
	Delims   [2]string      `json:"delims"`
	Dot      map[string]any `json:"dot"`
	Mode     string         `json:"mode"`
}

type answer struct {
	Output  *string `json:"output,omitempty"`
	Error   string  `json:"error,omitempty"`
	Refused string  `json:"refused,omitempty"`
}

func main() {
	questions := bufio.NewReaderSize(os.Stdin, 1<<20)
	answers := json.NewEncoder(os.Stdout)
	for {
		line, err := questions.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked question
		// Vault's client keeps the digits of numbers.
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.UseNumber()
		if err = decoder.Decode(&asked); err == nil {
			err = answers.Encode(render(asked))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func render(asked question) answer {
	if asked.Mode == "names" {
		names := strings.Join(slices.Sorted(maps.Keys(sprig.TxtFuncMap())), " ")
		return answer{Output: &names}
	}
	parsed := template.New("template").Delims(asked.Delims[0], asked.Delims[1]).Funcs(functions(asked.Mode))
	if asked.Mode == "sprig" {
		parsed = parsed.Option("missingkey=error")
	}
	parsed, err := parsed.Parse(asked.Template)
	if err != nil {
		return answer{Refused: err.Error()}
	}
	var made bytes.Buffer
	if err := parsed.Execute(&made, dot(asked)); err != nil {
		return answer{Error: err.Error()}
	}
	output := made.String()
	return answer{Output: &output}
}

func dot(asked question) any {
	switch asked.Mode {
	case "bytes":
		octets := map[string][]byte{}
		for name, value := range asked.Dot {
			octets[name] = []byte(text(value))
		}
		return octets
	case "any":
		return struct {
			Secrets map[string]any
			Labels  map[string]string
		}{asked.Dot, map[string]string{"app": "shop"}}
	case "plain":
		return struct {
			Secrets   map[string]string
			Namespace string
		}{texts(asked.Dot), "team"}
	}
	return texts(asked.Dot)
}

func texts(values map[string]any) map[string]string {
	made := map[string]string{}
	for name, value := range values {
		made[name] = text(value)
	}
	return made
}

func text(value any) string {
	return fmt.Sprint(value)
}

func functions(mode string) template.FuncMap {
	if mode == "bytes" {
		return bytesFunctions()
	}
	known := sprig.TxtFuncMap()
	delete(known, "env")
	delete(known, "expandenv")
	known["toYaml"] = func(value any) string {
		made, err := yaml.Marshal(value)
		if err != nil {
			return ""
		}
		return strings.TrimSuffix(string(made), "\n")
	}
	return known
}

func bytesFunctions() template.FuncMap {
	return template.FuncMap{
		"toString":     func(value []byte) string { return string(value) },
		"toBytes":      func(value string) []byte { return []byte(value) },
		"upper":        strings.ToUpper,
		"lower":        strings.ToLower,
		"base64encode": func(value []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(value)) },
		"base64decode": func(value []byte) ([]byte, error) { return base64.StdEncoding.DecodeString(string(value)) },
		"fromJSON": func(value []byte) (any, error) {
			var made any
			err := json.Unmarshal(value, &made)
			return made, err
		},
		"toJSON": func(value any) (string, error) {
			made, err := json.Marshal(value)
			return string(made), err
		},
	}
}

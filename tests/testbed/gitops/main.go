// The programs of GitOps tools that judge a SecretDefinition, for the tests.
//
//	gitops kstatus        what kstatus says of each object (Flux, kustomize and others go by it)
//	gitops lua SCRIPT     what a Lua script of Argo CD gives back for each object
//
// Objects come as a JSON list on standard input; the answers leave as a JSON list on standard output.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

func main() {
	answers, err := run(os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answers)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) ([]any, error) {
	judge, err := chosen(arguments)
	if err != nil {
		return nil, err
	}
	var objects []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&objects); err != nil {
		return nil, err
	}
	answers := make([]any, 0, len(objects))
	for _, raw := range objects {
		object := &unstructured.Unstructured{}
		// Numbers become int64 here as they do in the tools.
		if err := object.UnmarshalJSON(raw); err != nil {
			return nil, err
		}
		answer, err := judge(object)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

func chosen(arguments []string) (func(*unstructured.Unstructured) (any, error), error) {
	switch {
	case len(arguments) == 1 && arguments[0] == "kstatus":
		return kstatus, nil
	case len(arguments) == 2 && arguments[0] == "lua":
		script, err := os.ReadFile(arguments[1])
		return func(object *unstructured.Unstructured) (any, error) {
			return runLua(object.Object, string(script))
		}, err
	}
	return nil, fmt.Errorf("usage: gitops kstatus | gitops lua SCRIPT")
}

func kstatus(object *unstructured.Unstructured) (any, error) {
	found, err := status.Compute(object)
	if err != nil {
		return nil, err
	}
	return map[string]string{"status": found.Status.String(), "message": found.Message}, nil
}

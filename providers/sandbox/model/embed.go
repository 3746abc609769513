package model

import (
	"hash/fnv"
	"math"
)

// Dimensions is the length of the sandbox's embeddings.
const Dimensions = 256

// Embed makes a vector of unit length by feature hashing (Weinberger and others
// 2009, https://arxiv.org/abs/0902.2206): texts that share words are near.
func Embed(text string) []float32 {
	vector := make([]float32, Dimensions)
	for _, word := range words(text) {
		sum := fnv.New32a()
		sum.Write([]byte(word))
		hash := sum.Sum32()
		sign := float32(1)
		if hash&1 == 1 {
			sign = -1
		}
		vector[(hash>>1)%Dimensions] += sign
	}
	return unit(vector)
}

func unit(vector []float32) []float32 {
	squares := 0.0
	for _, x := range vector {
		squares += float64(x) * float64(x)
	}
	if squares == 0 {
		vector[0] = 1
		return vector
	}
	for i := range vector {
		vector[i] /= float32(math.Sqrt(squares))
	}
	return vector
}

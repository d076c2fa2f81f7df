package com.cloudbees.groovy.cps

import java.lang.annotation.ElementType
import java.lang.annotation.Target

/** Marks a method that Jenkins runs as plain Groovy: no step may stand in it. */
@Target([ElementType.METHOD])
@interface NonCPS {}
